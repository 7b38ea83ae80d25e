package io.skerry.agent.identity;

import io.skerry.agent.disk.Disk;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where a device's keys are. A key is made there, written once and never leaves it. Thread-safe.
 */
public sealed interface KeyVault permits Pkcs12Vault, Pkcs11Vault {
  /**
   * The vault of a data folder: PKCS#12 files in it, unless a PKCS#11 token is named.
   *
   * @throws IOException if the token cannot be opened
   */
  static KeyVault of(Disk disk, Path dataDir, Optional<Pkcs11Config> token) throws IOException {
    return token.isPresent()
        ? Pkcs11Vault.open(disk, dataDir, token.get())
        : new Pkcs12Vault(disk, dataDir.resolve("keys"));
  }

  /**
   * The key of this number; empty when it was never made.
   *
   * @throws IOException if it is there and cannot be used
   */
  Optional<DeviceKey> find(int number) throws IOException;

  /**
   * Makes a key (EC, P-256); it survives a power cut once this returns.
   *
   * @throws IOException if it cannot be kept
   */
  DeviceKey make(int number) throws IOException;

  /** Deletes a key that is used no more; one that is not there is deleted already. */
  void delete(int number) throws IOException;

  /** The key of this number, made when it is not there. */
  default DeviceKey findOrMake(int number) throws IOException {
    Optional<DeviceKey> known = find(number);
    return known.isPresent() ? known.get() : make(number);
  }
}
