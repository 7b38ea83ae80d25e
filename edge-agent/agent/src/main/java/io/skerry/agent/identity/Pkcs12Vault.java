package io.skerry.agent.identity;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DiskFile;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;

/** One PKCS#12 file per key, {@code key-<number>.p12}, readable by its owner only. */
final class Pkcs12Vault implements KeyVault {
  static final String CURVE = "secp256r1";
  static final Instant KEYS_BEGIN = Instant.EPOCH;

  private static final String ALIAS = "device";
  // The format demands one. What protects the key is that only its owner can read the file.
  private static final char[] PASSWORD = "skerry".toCharArray();

  private final Disk disk;
  private final Path folder;

  Pkcs12Vault(Disk disk, Path folder) {
    this.disk = disk;
    this.folder = folder;
  }

  @Override
  public Optional<DeviceKey> find(int number) throws IOException {
    Path file = file(number);
    if (!disk.exists(file)) {
      return Optional.empty();
    }
    try {
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(new ByteArrayInputStream(disk.read(file)), PASSWORD);
      Certificate certificate = store.getCertificate(ALIAS);
      if (certificate == null || !(store.getKey(ALIAS, PASSWORD) instanceof PrivateKey key)) {
        throw new IOException("key file '%s' holds no key '%s'".formatted(file, ALIAS));
      }
      return Optional.of(new DeviceKey(number, certificate.getPublicKey(), key));
    } catch (GeneralSecurityException | IOException e) {
      throw new IOException(
          "key file '%s' cannot be read: %s".formatted(file, ControlPort.why(e)), e);
    }
  }

  @Override
  public DeviceKey make(int number) throws IOException {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec(CURVE));
      KeyPair pair = generator.generateKeyPair();
      X509Certificate certificate =
          SignedDer.selfSigned(pair.getPublic(), pair.getPrivate(), "device key", KEYS_BEGIN);
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, PASSWORD);
      store.setKeyEntry(ALIAS, pair.getPrivate(), PASSWORD, new Certificate[] {certificate});
      ByteArrayOutputStream content = new ByteArrayOutputStream();
      store.store(content, PASSWORD);
      write(file(number), content.toByteArray());
      return new DeviceKey(number, pair.getPublic(), pair.getPrivate());
    } catch (GeneralSecurityException e) {
      throw new IOException("no key can be made: " + e.getMessage(), e);
    }
  }

  private void write(Path file, byte[] content) throws IOException {
    Path part = file.resolveSibling(file.getFileName() + ".part");
    disk.createFolders(folder);
    disk.delete(part);
    try (DiskFile out = disk.open(part, Disk.Opening.NEW_PRIVATE)) {
      out.write(ByteBuffer.wrap(content), 0);
      out.force();
    }
    if (!Arrays.equals(disk.read(part), content)) {
      throw new IOException("file %s reads other than it was written".formatted(part));
    }
    disk.move(part, file);
    disk.forceFolder(folder);
  }

  @Override
  public void delete(int number) throws IOException {
    if (disk.exists(file(number))) {
      disk.delete(file(number));
      disk.forceFolder(folder);
    }
  }

  private Path file(int number) {
    return folder.resolve("key-%d.p12".formatted(number));
  }
}
