package io.skerry.agent.identity;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DurableFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.InvalidParameterException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.ProviderException;
import java.security.SecureRandom;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.util.HexFormat;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Keys in a PKCS#11 token, through the JDK's own provider. A token may serve several devices: each
 * folder's keys carry a random prefix of their own.
 */
final class Pkcs11Vault implements KeyVault {
  private static final int PREFIX_BYTES = 8;

  private final Provider provider;
  private final KeyStore store;
  private final String prefix;

  private Pkcs11Vault(Provider provider, KeyStore store, String prefix) {
    this.provider = provider;
    this.store = store;
    this.prefix = prefix;
  }

  static Pkcs11Vault open(Disk disk, Path dataDir, Pkcs11Config config) throws IOException {
    try {
      Provider sun = Security.getProvider("SunPKCS11");
      if (sun == null) {
        throw new IOException("this Java runtime has no PKCS#11 provider (jdk.crypto.cryptoki)");
      }
      Provider provider = installed(sun.configure(config.config().toString()));
      KeyStore store = KeyStore.getInstance("PKCS11", provider);
      store.load(null, pin(config));
      return new Pkcs11Vault(provider, store, prefix(disk, dataDir.resolve("keys")));
    } catch (GeneralSecurityException
        | ProviderException
        | InvalidParameterException
        | IOException e) {
      throw new IOException(
          "PKCS#11 token of '%s' cannot be used: %s".formatted(config.config(), reason(e)), e);
    }
  }

  // Signatures and TLS look for whoever can use a key among the installed providers.
  private static Provider installed(Provider configured) {
    Provider known = Security.getProvider(configured.getName());
    if (known != null) {
      return known;
    }
    Security.addProvider(configured);
    return configured;
  }

  // The provider wraps what the token said several times.
  private static String reason(Throwable failure) {
    Throwable deepest = failure;
    while (deepest.getCause() != null) {
      deepest = deepest.getCause();
    }
    return String.valueOf(deepest.getMessage());
  }

  private static char @Nullable [] pin(Pkcs11Config config) throws IOException {
    if (config.pinFile().isEmpty()) {
      return null;
    }
    return Files.readString(config.pinFile().get()).lines().findFirst().orElse("").toCharArray();
  }

  private static String prefix(Disk disk, Path folder) throws IOException {
    Path file = folder.resolve("pkcs11-prefix");
    Optional<byte[]> known = DurableFile.read(disk, file);
    if (known.isPresent()) {
      return new String(known.get(), StandardCharsets.US_ASCII);
    }
    byte[] random = new byte[PREFIX_BYTES];
    new SecureRandom().nextBytes(random);
    String prefix = "skerry-" + HexFormat.of().formatHex(random);
    disk.createFolders(folder);
    DurableFile.write(disk, file, prefix.getBytes(StandardCharsets.US_ASCII));
    return prefix;
  }

  @Override
  public synchronized Optional<DeviceKey> find(int number) throws IOException {
    try {
      Certificate certificate = store.getCertificate(alias(number));
      if (certificate == null || !(store.getKey(alias(number), null) instanceof PrivateKey key)) {
        return Optional.empty();
      }
      return Optional.of(new DeviceKey(number, certificate.getPublicKey(), key));
    } catch (GeneralSecurityException | ProviderException e) {
      throw new IOException(
          "key %s of the PKCS#11 token cannot be read: %s".formatted(alias(number), reason(e)), e);
    }
  }

  @Override
  public synchronized DeviceKey make(int number) throws IOException {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", provider);
      generator.initialize(new ECGenParameterSpec(Pkcs12Vault.CURVE));
      KeyPair pair = generator.generateKeyPair();
      X509Certificate certificate =
          SignedDer.selfSigned(
              pair.getPublic(), pair.getPrivate(), alias(number), Pkcs12Vault.KEYS_BEGIN);
      store.setKeyEntry(alias(number), pair.getPrivate(), null, new Certificate[] {certificate});
      return find(number)
          .orElseThrow(() -> new IOException("the PKCS#11 token did not keep the key"));
    } catch (GeneralSecurityException | ProviderException e) {
      throw new IOException("the PKCS#11 token makes no key: " + reason(e), e);
    }
  }

  @Override
  public synchronized void delete(int number) throws IOException {
    try {
      if (store.containsAlias(alias(number))) {
        store.deleteEntry(alias(number));
      }
    } catch (GeneralSecurityException | ProviderException e) {
      throw new IOException(
          "key %s of the PKCS#11 token is not deleted: %s".formatted(alias(number), reason(e)), e);
    }
  }

  private String alias(int number) {
    return prefix + "-" + number;
  }
}
