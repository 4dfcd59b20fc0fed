/** Moments as people read them in answers. */

/** In UTC: `Sun 30 Nov 2003 10:31:37` */
export function dayAndTime(wallMs: number): string {
  return new Date(wallMs).toUTCString().replace(',', '').replace(' GMT', '');
}
