/** The product's version; every package has the same. */
export const VERSION = '0.1.0';
