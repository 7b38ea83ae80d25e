package io.skerry.control.ingest;

import io.skerry.control.host.DataFolder;
import io.skerry.control.sql.Database;
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
 * lake or the database without it has nothing. The database knows the fingerprint of the first one,
 * so that a file that is missing, or another server's, is told instead of replaced. Thread-safe.
 */
@Singleton
final class TenantKeys {
  private static final int KEY_BYTES = 32;
  private static final String HMAC = "HmacSHA256";
  private static final String PUT_BACK =
      "put that one back from its backup, or copy it from the folder of keys of another server of"
          + " this database";

  private final DataFolder folder;
  private final Database database;
  private final SecureRandom random = new SecureRandom();
  private final Map<String, byte[]> keys = new ConcurrentHashMap<>();

  TenantKeys(DataFolder folder, Database database) {
    this.folder = folder;
    this.database = database;
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
    return hmac(new SecretKeySpec(keys.computeIfAbsent(tenant.value(), this::load), HMAC), text);
  }

  private static byte[] hmac(SecretKey key, String text) {
    try {
      Mac mac = Mac.getInstance(HMAC);
      mac.init(key);
      return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("HMAC-SHA256 is part of every Java", e);
    }
  }

  private byte[] load(String tenant) {
    Path file = folder.keys().resolve("samples-" + tenant + ".key");
    if (!Files.exists(file)) {
      return made(tenant, file);
    }
    byte[] key = read(file);
    if (!isFirst(tenant, key, () -> {})) {
      throw new IllegalStateException(
          "%s is another key than the one that samples of tenant '%s' are sealed with: %s"
              .formatted(file, tenant, PUT_BACK));
    }
    return key;
  }

  private byte[] made(String tenant, Path file) {
    byte[] made = new byte[KEY_BYTES];
    random.nextBytes(made);
    // The file goes before the commit: a fingerprint of a key that nobody has would hold for ever.
    if (!isFirst(
        tenant, made, () -> folder.writePrivately(file, HexFormat.of().formatHex(made) + "\n"))) {
      throw new IllegalStateException(
          "%s is missing, and samples of tenant '%s' are sealed with it: %s"
              .formatted(file, tenant, PUT_BACK));
    }
    return made;
  }

  /** Whether this is the first key that any server of the database had for the tenant. */
  private boolean isFirst(String tenant, byte[] key, Runnable beforeCommit) {
    String fingerprint =
        HexFormat.of().formatHex(hmac(new SecretKeySpec(key, HMAC), "fingerprint/" + tenant));
    return database.call(
        transaction -> {
          int first =
              transaction.update(
                  """
                  insert into tenant_key (tenant, fingerprint) values (?, ?)
                  on conflict (tenant) do nothing
                  """,
                  tenant,
                  fingerprint);
          if (first == 1) {
            beforeCommit.run();
            return true;
          }
          return transaction.number(
                  "select count(*) from tenant_key where tenant = ? and fingerprint = ?",
                  tenant,
                  fingerprint)
              == 1;
        });
  }

  private static byte[] read(Path file) {
    try {
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
