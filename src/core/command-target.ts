/** To whom a manager sends a command (MGR-6, MGR-7, MGR-10). */
export type CommandTarget =
  | { readonly kind: 'all' }
  | { readonly kind: 'node'; readonly node: string }
  | { readonly kind: 'subcluster'; readonly subcluster: string };
