/** Who acts. Made by the authenticator only; every entry point carries one. */
export interface Identity {
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  readonly groups: readonly string[];
  readonly isAdmin: boolean;
  readonly isAuditor: boolean;
}
