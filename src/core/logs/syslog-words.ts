/** Facilities and priorities of the system log, by the names that its configuration files have. */
const facilities = new Map(
  Object.entries({
    ...{ kern: 0, user: 1, mail: 2, daemon: 3, auth: 4, security: 4, syslog: 5, lpr: 6, news: 7 },
    ...{ uucp: 8, cron: 9, authpriv: 10, ftp: 11 },
    ...{ local0: 16, local1: 17, local2: 18, local3: 19, local4: 20, local5: 21, local6: 22, local7: 23 },
  }),
);

const priorities = new Map(
  Object.entries({
    ...{ emerg: 0, panic: 0, alert: 1, crit: 2, critical: 2, err: 3, error: 3 },
    ...{ warning: 4, warn: 4, notice: 5, info: 6, debug: 7 },
  }),
);

/** `LOG_MAIL` is `mail`. */
const plainWord = (word: string): string => word.toLowerCase().replace(/^log_/, '');

/** Undefined: there is none of this name. */
export function syslogFacility(word: string): number | undefined {
  return facilities.get(plainWord(word));
}

export function syslogPriority(word: string): number | undefined {
  return priorities.get(plainWord(word));
}

export function facilityProblem(word: string): string | undefined {
  return syslogFacility(word) === undefined ? `'${word}' is no facility of the system log` : undefined;
}

export function priorityProblem(word: string): string | undefined {
  return syslogPriority(word) === undefined ? `'${word}' is no priority of the system log` : undefined;
}
