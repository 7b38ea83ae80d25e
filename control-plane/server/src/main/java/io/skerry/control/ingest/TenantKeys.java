package io.skerry.control.ingest;

import io.skerry.control.host.DataFolder;
import io.skerry.protocol.TenantId;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;

/**
 * The key of every tenant's samples, one file each in the folder of keys: {@code
 * keys/samples-TENANT.key}, 64 hexadecimal digits. Who loses it loses the samples; who copies the
 * lake or the database without it has nothing. Thread-safe.
 */
@Singleton
final class TenantKeys {
  private static final int KEY_BYTES = 32;
  private static final String HMAC = "HmacSHA256";

  private final DataFolder folder;
  private final SecureRandom random = new SecureRandom();
  private final Map<String, byte[]> keys = new ConcurrentHashMap<>();

  TenantKeys(DataFolder folder) {
    this.folder = folder;
  }

  /** Where a tenant's key is, below the data folder. */
  static String file(TenantId tenant) {
    return "keys/samples-%s.key".formatted(tenant);
  }

  /** A key for one purpose, so that no key is used for two. */
  SecretKey of(TenantId tenant, String purpose) {
    return new SecretKeySpec(hmac(tenant, purpose), "AES");
  }

  /** A pseudonym that only who has the tenant's key can make: 32 hexadecimal digits. */
  String pseudonym(TenantId tenant, String text) {
    return HexFormat.of().formatHex(hmac(tenant, "subject/" + text), 0, 16);
  }

  /** Why a tenant's key cannot be read now; empty when it can. */
  Optional<String> fault(TenantId tenant) {
    try {
      hmac(tenant, "");
      return Optional.empty();
    } catch (UncheckedIOException | IllegalStateException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  private byte[] hmac(TenantId tenant, String text) {
    try {
      Mac mac = Mac.getInstance(HMAC);
      mac.init(new SecretKeySpec(keys.computeIfAbsent(tenant.value(), this::load), HMAC));
      return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("HMAC-SHA256 is part of every Java", e);
    }
  }

  private byte[] load(String tenant) {
    Path file = folder.keys().resolve("samples-" + tenant + ".key");
    try {
      if (!Files.exists(file)) {
        byte[] made = new byte[KEY_BYTES];
        random.nextBytes(made);
        folder.writePrivately(file, HexFormat.of().formatHex(made) + "\n");
      }
      byte[] key = HexFormat.of().parseHex(Files.readString(file).strip());
      if (key.length != KEY_BYTES) {
        throw new IllegalArgumentException("%d bytes".formatted(key.length));
      }
      return key;
    } catch (IOException e) {
      throw new UncheckedIOException(
          "%s cannot be read: %s: put it back, readable for this server".formatted(file, e), e);
    } catch (IllegalArgumentException e) {
      throw new IllegalStateException(
          "%s is no key of %d bytes in hexadecimal: put the right one back"
              .formatted(file, KEY_BYTES),
          e);
    }
  }
}
