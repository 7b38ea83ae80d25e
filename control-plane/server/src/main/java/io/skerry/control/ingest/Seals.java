package io.skerry.control.ingest;

import io.skerry.protocol.TenantId;
import jakarta.inject.Singleton;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;

/**
 * Seals bytes with a tenant's key, so that they can neither be read nor be changed nor be passed
 * off as something else without it.
 *
 * <pre>
 * byte 0       format, 1
 * 1 .. 4       day since 1970 of the sealing, big-endian: each day and purpose has a key of its own
 * 5 .. 16      nonce, random
 * 17 ..        AES-256-GCM of the content, with its tag of 16 bytes; authenticated with it:
 *              bytes 0 to 4, then the name in UTF-8
 * </pre>
 *
 * <p>Thread-safe.
 */
@Singleton
public final class Seals {
  private static final byte FORMAT = 1;
  private static final int HEAD = 5;
  private static final int NONCE = 12;
  private static final int TAG_BITS = 128;
  private static final String CIPHER = "AES/GCM/NoPadding";

  private final TenantKeys keys;
  private final SecureRandom random = new SecureRandom();
  private final Clock clock = Clock.systemUTC();

  Seals(TenantKeys keys) {
    this.keys = keys;
  }

  /**
   * Seals.
   *
   * @param purpose one word for everything that is alike
   * @param name what is sealed: only under the same name it can be opened
   */
  public byte[] seal(TenantId tenant, String purpose, String name, byte[] content) {
    ByteBuffer sealed = ByteBuffer.allocate(HEAD + NONCE + content.length + TAG_BITS / 8);
    byte[] nonce = new byte[NONCE];
    random.nextBytes(nonce);
    int day = (int) Math.floorDiv(clock.millis(), Duration.ofDays(1).toMillis());
    sealed.put(FORMAT).putInt(day).put(nonce);
    try {
      cipher(Cipher.ENCRYPT_MODE, tenant, purpose, name, sealed.array(), nonce)
          .doFinal(ByteBuffer.wrap(content), sealed);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("%s '%s' could not be sealed".formatted(purpose, name), e);
    }
    return sealed.array();
  }

  /**
   * Opens.
   *
   * @throws IllegalStateException if the key is another one, or the bytes were changed or belong to
   *     another name
   */
  public byte[] open(TenantId tenant, String purpose, String name, byte[] sealed) {
    if (sealed.length < HEAD + NONCE + TAG_BITS / 8 || sealed[0] != FORMAT) {
      throw new IllegalStateException("%s '%s' has no known format".formatted(purpose, name));
    }
    byte[] nonce = new byte[NONCE];
    System.arraycopy(sealed, HEAD, nonce, 0, NONCE);
    try {
      return cipher(Cipher.DECRYPT_MODE, tenant, purpose, name, sealed, nonce)
          .doFinal(sealed, HEAD + NONCE, sealed.length - HEAD - NONCE);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(
          "%s '%s' cannot be opened: it was changed, or %s is not the key that sealed it"
              .formatted(purpose, name, TenantKeys.file(tenant)),
          e);
    }
  }

  private Cipher cipher(
      int mode, TenantId tenant, String purpose, String name, byte[] sealed, byte[] nonce)
      throws GeneralSecurityException {
    int day = ByteBuffer.wrap(sealed).getInt(1);
    Cipher cipher = Cipher.getInstance(CIPHER);
    cipher.init(mode, keys.of(tenant, purpose + "/" + day), new GCMParameterSpec(TAG_BITS, nonce));
    cipher.updateAAD(sealed, 0, HEAD);
    cipher.updateAAD(name.getBytes(StandardCharsets.UTF_8));
    return cipher;
  }
}
