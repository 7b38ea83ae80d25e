package io.skerry.control.ca;

import java.net.Socket;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.KeyManagerFactorySpi;
import javax.net.ssl.ManagerFactoryParameters;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;
import org.jspecify.annotations.Nullable;

/** One key and its chain; a handshake uses what is the newest when it begins. */
final class ChangingKey extends X509ExtendedKeyManager {
  private final String alias;
  private volatile KeyFiles.Entry entry;

  ChangingKey(String alias, KeyFiles.Entry entry) {
    this.alias = alias;
    this.entry = entry;
  }

  void change(KeyFiles.Entry changed) {
    entry = changed;
  }

  KeyFiles.Entry entry() {
    return entry;
  }

  /** For clients that take a factory only. */
  KeyManagerFactory factory() {
    return new Factory(this);
  }

  @Override
  public PrivateKey getPrivateKey(String asked) {
    return entry.key();
  }

  @Override
  public X509Certificate[] getCertificateChain(String asked) {
    return entry.chain().toArray(X509Certificate[]::new);
  }

  @Override
  public String[] getClientAliases(String keyType, Principal @Nullable [] issuers) {
    return new String[] {alias};
  }

  @Override
  public String[] getServerAliases(String keyType, Principal @Nullable [] issuers) {
    return new String[] {alias};
  }

  @Override
  public @Nullable String chooseClientAlias(
      String[] keyTypes, Principal @Nullable [] issuers, @Nullable Socket socket) {
    return Arrays.stream(keyTypes).anyMatch(this::fits) ? alias : null;
  }

  @Override
  public @Nullable String chooseServerAlias(
      String keyType, Principal @Nullable [] issuers, @Nullable Socket socket) {
    return fits(keyType) ? alias : null;
  }

  @Override
  public @Nullable String chooseEngineClientAlias(
      String[] keyTypes, Principal @Nullable [] issuers, @Nullable SSLEngine engine) {
    return chooseClientAlias(keyTypes, issuers, null);
  }

  @Override
  public @Nullable String chooseEngineServerAlias(
      String keyType, Principal @Nullable [] issuers, @Nullable SSLEngine engine) {
    return chooseServerAlias(keyType, issuers, null);
  }

  private boolean fits(String keyType) {
    return keyType.startsWith("EC");
  }

  private static final class Factory extends KeyManagerFactory {
    Factory(KeyManager manager) {
      super(new Spi(manager), NO_PROVIDER, "Skerry");
    }
  }

  private static final Provider NO_PROVIDER = new Provider("Skerry", "1", "keys that change") {};

  private static final class Spi extends KeyManagerFactorySpi {
    private final KeyManager manager;

    Spi(KeyManager manager) {
      this.manager = manager;
    }

    @Override
    protected void engineInit(@Nullable KeyStore store, char @Nullable [] password) {
      // The key is known already.
    }

    @Override
    protected void engineInit(@Nullable ManagerFactoryParameters parameters) {
      // The key is known already.
    }

    @Override
    protected KeyManager[] engineGetKeyManagers() {
      return new KeyManager[] {manager};
    }
  }
}
