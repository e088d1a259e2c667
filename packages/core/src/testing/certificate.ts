/**
 * A certificate for `test.example`, `localhost` and 127.0.0.1 that nobody trusts and nothing but tests uses.
 * It is its own authority, so that a test can choose to trust it, and it is old enough to be known to everybody.
 */
export function testCertificate(): { readonly cert: string; readonly key: string } {
  return { cert: CERT, key: KEY };
}

const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgeBe5kDiotQD86SkI
GXlINvjJ3C8VKOMHRCgNNWdZjLqhRANCAAR/ZWLTFaHJzXvDOycY+o6dnYXSrfLS
XS+LUE1cSZCpXSGqX4sr436Ag8AbixIb3WYUlVbtM69NIrVV6TF1A+Ea
-----END PRIVATE KEY-----
`;

const CERT = `-----BEGIN CERTIFICATE-----
MIIBrzCCAVWgAwIBAgIUQOSGcEpoI4+wyUuLsY2NSFThqDMwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMdGVzdC5leGFtcGxlMCAXDTI2MTEyMTA5MTk1NFoYDzIxMjYx
MDI4MDkxOTU0WjAXMRUwEwYDVQQDDAx0ZXN0LmV4YW1wbGUwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAAR/ZWLTFaHJzXvDOycY+o6dnYXSrfLSXS+LUE1cSZCpXSGq
X4sr436Ag8AbixIb3WYUlVbtM69NIrVV6TF1A+Eao30wezAdBgNVHQ4EFgQU457W
AzeZJGQn/V7gAxGAO7uMnk0wHwYDVR0jBBgwFoAU457WAzeZJGQn/V7gAxGAO7uM
nk0wDwYDVR0TAQH/BAUwAwEB/zAoBgNVHREEITAfggx0ZXN0LmV4YW1wbGWCCWxv
Y2FsaG9zdIcEfwAAATAKBggqhkjOPQQDAgNIADBFAiA/tCG8sAIFE6J/DEaosxhr
CXxNK/o5SKRyp+E9TG0yNQIhAMoxVzrDjF9H1/5vGTHrGflmF/u27hfRPd20SY5x
vGrz
-----END CERTIFICATE-----
`;
