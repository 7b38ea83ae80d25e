package io.skerry.control.ca;

import io.skerry.control.access.Secrets;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.StartException;
import jakarta.inject.Singleton;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The PKCS#12 files of keys/; all under one password, which lies beside them. */
@Singleton
final class KeyFiles {
  private static final String TYPE = "PKCS12";

  private final DataFolder folder;
  private final String password;

  KeyFiles(DataFolder folder) {
    this.folder = folder;
    this.password = readOrMakePassword();
  }

  /** A key with its certificate and that one's issuers. */
  record Entry(PrivateKey key, List<X509Certificate> chain) {
    Entry {
      chain = List.copyOf(chain);
    }

    X509Certificate certificate() {
      return chain.getFirst();
    }
  }

  String password() {
    return password;
  }

  Path path(String name) {
    return folder.keys().resolve(name);
  }

  /** The entry of a store; empty when the store is not there. */
  Optional<Entry> read(String name, String alias) {
    Path file = path(name);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try (InputStream in = Files.newInputStream(file)) {
      KeyStore store = KeyStore.getInstance(TYPE);
      store.load(in, password.toCharArray());
      if (store.getKey(alias, password.toCharArray()) instanceof PrivateKey key) {
        return Optional.of(
            new Entry(
                key,
                Stream.of(store.getCertificateChain(alias))
                    .map(X509Certificate.class::cast)
                    .toList()));
      }
      throw new StartException("%s holds no key '%s'".formatted(file, alias));
    } catch (IOException | GeneralSecurityException e) {
      throw new StartException(
          "%s cannot be read (%s): put it back from a backup together with stores.password"
              .formatted(file, e.getMessage()),
          e);
    }
  }

  void write(String name, String alias, Entry entry) {
    folder.writePrivately(path(name), bytes(store(alias, entry)));
  }

  void writeTrusted(String name, String alias, X509Certificate certificate) {
    folder.writePrivately(path(name), bytes(trustStore(alias, certificate)));
  }

  void writeText(String name, String text) {
    folder.writePrivately(path(name), text);
  }

  KeyStore store(String alias, Entry entry) {
    try {
      KeyStore store = empty();
      store.setKeyEntry(
          alias,
          entry.key(),
          password.toCharArray(),
          entry.chain().toArray(X509Certificate[]::new));
      return store;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("a key store cannot be made", e);
    }
  }

  static KeyStore trustStore(String alias, X509Certificate certificate) {
    try {
      KeyStore store = empty();
      store.setCertificateEntry(alias, certificate);
      return store;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("a trust store cannot be made", e);
    }
  }

  private static KeyStore empty() throws GeneralSecurityException {
    try {
      KeyStore store = KeyStore.getInstance(TYPE);
      store.load(null, null);
      return store;
    } catch (IOException e) {
      throw new IllegalStateException("an empty key store cannot be made", e);
    }
  }

  private byte[] bytes(KeyStore store) {
    try {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      store.store(out, password.toCharArray());
      return out.toByteArray();
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalStateException("a key store cannot be written", e);
    }
  }

  private String readOrMakePassword() {
    Path file = folder.keys().resolve("stores.password");
    try {
      if (Files.exists(file)) {
        return Files.readString(file, StandardCharsets.UTF_8).strip();
      }
    } catch (IOException e) {
      throw new StartException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
    if (Files.exists(folder.keys().resolve("ca.p12"))) {
      throw new StartException(
          "%s is missing: without it the certificate authority in ca.p12 cannot be read; put it back"
              .formatted(file));
    }
    String made = Secrets.random();
    folder.writePrivately(file, made + "\n");
    return made;
  }
}
