package io.skerry.agent.uplink;

import io.skerry.agent.disk.DamagedFileException;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DurableFile;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.TenantId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.Optional;
import java.util.random.RandomGenerator;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.KDF;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.HKDFParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Seals the records of a spool with a key of the device's tenant. Not thread-safe.
 *
 * <p>{@code spool-key} in the data folder holds 32 random bytes, readable by their owner only; the
 * key is HKDF-SHA-256 of them and the tenant's name, so that what one tenant left nobody reads as
 * another. Whoever deletes the file makes the spool unreadable. A sealed record is
 *
 * <pre>
 * 0   12  random nonce
 * 12  n   the record, AES-256-GCM
 * +n  16  tag; also covers boot epoch (8), sequence (8), big-endian, and the stream's name
 * </pre>
 *
 * <p>Nonces are random because a sequence is used again when a write failed: 2^32 records have a
 * chance below 2^-32 that two nonces are equal (NIST SP 800-38D, 8.3).
 */
public final class SpoolSeal {
  /** Bytes that a sealed record has more than an open one. */
  static final int OVERHEAD_BYTES = 28;

  private static final Logger log = LoggerFactory.getLogger(SpoolSeal.class);

  private static final int KEY_BYTES = 32;
  private static final int NONCE_BYTES = 12;
  private static final int TAG_BITS = 128;

  private final Disk disk;
  private final Path file;
  private final TenantId tenant;
  private final RandomGenerator random;
  private Optional<SecretKey> key = Optional.empty();
  // Looking for who offers one takes longer than sealing a record.
  private @Nullable Cipher made;

  private SpoolSeal(Disk disk, Path file, TenantId tenant, RandomGenerator random) {
    this.disk = disk;
    this.file = file;
    this.tenant = tenant;
    this.random = random;
  }

  /**
   * The seal of a data folder; its key is read, or made, when it is first needed.
   *
   * @param random makes key and nonces: a secure one, but in a simulation
   */
  public static SpoolSeal of(Disk disk, Path dataDir, TenantId tenant, RandomGenerator random) {
    return new SpoolSeal(disk, dataDir.resolve("spool-key"), tenant, random);
  }

  /**
   * Makes sure that there is a key that survives a power cut; a new one when there was none, or it
   * is damaged.
   *
   * @throws IOException if it cannot be read or written now: then nothing may be sealed
   */
  void prepare() throws IOException {
    if (key.isPresent()) {
      return;
    }
    Optional<byte[]> kept = kept();
    if (kept.isPresent()) {
      key = Optional.of(derived(kept.get()));
      return;
    }
    byte[] fresh = new byte[KEY_BYTES];
    random.nextBytes(fresh);
    DurableFile.writePrivate(disk, file, fresh);
    key = Optional.of(derived(fresh));
  }

  private Optional<byte[]> kept() throws IOException {
    try {
      Optional<byte[]> kept = DurableFile.read(disk, file);
      if (kept.isPresent() && kept.get().length != KEY_BYTES) {
        throw new DamagedFileException(
            "file %s has %d bytes, not %d".formatted(file, kept.get().length, KEY_BYTES));
      }
      return kept;
    } catch (DamagedFileException e) {
      log.atError()
          .addKeyValue("file", file)
          .setCause(e)
          .log("spool key lost, made anew: records sealed before cannot be read");
      return Optional.empty();
    }
  }

  private SecretKey derived(byte[] secret) {
    byte[] info = ("skerry spool " + tenant.value()).getBytes(StandardCharsets.US_ASCII);
    try {
      byte[] bytes =
          KDF.getInstance("HKDF-SHA256")
              .deriveData(HKDFParameterSpec.ofExtract().addIKM(secret).thenExpand(info, KEY_BYTES));
      return new SecretKeySpec(bytes, "AES");
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no HKDF-SHA256", e);
    }
  }

  /** Seals a record; only after {@link #prepare}. */
  byte[] seal(RecordStream stream, long epoch, long sequence, byte[] record) {
    byte[] nonce = new byte[NONCE_BYTES];
    random.nextBytes(nonce);
    try {
      byte[] sealed = Arrays.copyOf(nonce, record.length + OVERHEAD_BYTES);
      cipher(Cipher.ENCRYPT_MODE, nonce, stream, epoch, sequence)
          .doFinal(record, 0, record.length, sealed, NONCE_BYTES);
      return sealed;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("record not sealed", e);
    }
  }

  /** The record; empty when it was sealed with another key, or as another record. */
  Optional<byte[]> open(RecordStream stream, long epoch, long sequence, byte[] sealed) {
    if (sealed.length < OVERHEAD_BYTES) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          cipher(Cipher.DECRYPT_MODE, Arrays.copyOf(sealed, NONCE_BYTES), stream, epoch, sequence)
              .doFinal(sealed, NONCE_BYTES, sealed.length - NONCE_BYTES));
    } catch (AEADBadTagException e) {
      return Optional.empty();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("record not opened", e);
    }
  }

  private Cipher cipher(int mode, byte[] nonce, RecordStream stream, long epoch, long sequence)
      throws GeneralSecurityException {
    Cipher cipher = made;
    if (cipher == null) {
      cipher = Cipher.getInstance("AES/GCM/NoPadding");
      made = cipher;
    }
    SecretKey ready = key.orElseThrow(() -> new IllegalStateException("no spool key yet"));
    cipher.init(mode, ready, new GCMParameterSpec(TAG_BITS, nonce));
    byte[] name = stream.wireName().getBytes(StandardCharsets.US_ASCII);
    cipher.updateAAD(
        ByteBuffer.allocate(2 * Long.BYTES + name.length)
            .putLong(epoch)
            .putLong(sequence)
            .put(name)
            .array());
    return cipher;
  }
}
