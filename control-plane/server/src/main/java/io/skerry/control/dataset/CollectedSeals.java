package io.skerry.control.dataset;

import io.skerry.protocol.TenantId;

/** What closes collected inputs, and opens them again. */
interface CollectedSeals {
  /**
   * Seals.
   *
   * @param name whose input it is: only under the same name it can be opened
   */
  byte[] seal(TenantId tenant, String name, byte[] input);

  /**
   * Opens.
   *
   * @throws IllegalStateException if the key is another one, or the bytes are not of that name
   */
  byte[] open(TenantId tenant, String name, byte[] sealed);
}
