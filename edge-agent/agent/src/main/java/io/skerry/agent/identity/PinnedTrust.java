package io.skerry.agent.identity;

import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Date;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import javax.net.ssl.CertPathTrustManagerParameters;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * Believes servers whose chain leads to one authority, for the host that was asked for, at the
 * device's own time. The JDK's checker does the work; only anchor and time are ours.
 */
final class PinnedTrust extends X509ExtendedTrustManager {
  private static final String HOSTNAME_CHECK = "HTTPS";

  private final String authority;
  private final List<X509Certificate> known;
  private final Function<List<X509Certificate>, Instant> time;
  private final Runnable whenDatesRefuse;

  private PinnedTrust(
      String authority,
      List<X509Certificate> known,
      Function<List<X509Certificate>, Instant> time,
      Runnable whenDatesRefuse) {
    this.authority = authority;
    this.known = known;
    this.time = time;
    this.whenDatesRefuse = whenDatesRefuse;
  }

  /**
   * Believes servers of an authority that is known by its fingerprint and that they send along.
   *
   * @param whenDatesRefuse told when a chain is right but for its dates
   */
  static PinnedTrust named(String fingerprint, InstantSource clock, Runnable whenDatesRefuse) {
    return new PinnedTrust(fingerprint, List.of(), chain -> clock.instant(), whenDatesRefuse);
  }

  /** Believes servers of an authority. */
  static PinnedTrust of(X509Certificate authority, InstantSource clock, Runnable whenDatesRefuse) {
    return new PinnedTrust(
        CertificateChain.fingerprint(authority),
        List.of(authority),
        chain -> clock.instant(),
        whenDatesRefuse);
  }

  /** The same whatever the dates say: for the one question what time it is. */
  PinnedTrust ignoringDates() {
    return new PinnedTrust(authority, known, PinnedTrust::whenAllCount, () -> {});
  }

  private static Instant whenAllCount(List<X509Certificate> chain) {
    return chain.stream()
        .map(certificate -> certificate.getNotBefore().toInstant())
        .max(Instant::compareTo)
        .orElse(Instant.EPOCH);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    if (!(socket instanceof SSLSocket tls)) {
      throw new CertificateException("no TLS socket: the server's name cannot be checked");
    }
    requireHostnameCheck(tls.getSSLParameters());
    check(chain, trust -> trust.checkServerTrusted(chain, authType, socket));
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    requireHostnameCheck(engine.getSSLParameters());
    check(chain, trust -> trust.checkServerTrusted(chain, authType, engine));
  }

  // Without it the JDK would believe any server of the authority, another device's included.
  private static void requireHostnameCheck(SSLParameters parameters) throws CertificateException {
    if (!HOSTNAME_CHECK.equals(parameters.getEndpointIdentificationAlgorithm())) {
      throw new CertificateException("host name verification is off");
    }
  }

  private interface Check {
    void by(X509ExtendedTrustManager trust) throws CertificateException;
  }

  private void check(X509Certificate[] chain, Check check) throws CertificateException {
    List<X509Certificate> certificates = List.of(chain);
    X509Certificate anchor =
        CertificateChain.find(known, authority)
            .or(() -> CertificateChain.find(certificates, authority))
            .orElseThrow(
                () ->
                    new CertificateException(
                        "the server's chain does not lead to the authority %s..."
                            .formatted(authority.substring(0, 16))));
    Instant now = time.apply(certificates);
    try {
      check.by(trust(anchor, now));
    } catch (CertificateException e) {
      if (!new CertificateChain(certificates).validity().covers(now)) {
        whenDatesRefuse.run();
      }
      throw e;
    }
  }

  private static X509ExtendedTrustManager trust(X509Certificate anchor, Instant now)
      throws CertificateException {
    try {
      PKIXBuilderParameters parameters =
          new PKIXBuilderParameters(Set.of(new TrustAnchor(anchor, null)), new X509CertSelector());
      // Revocation is the control plane's: it refuses devices, and devices know one authority.
      parameters.setRevocationEnabled(false);
      parameters.setDate(Date.from(now));
      TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
      factory.init(new CertPathTrustManagerParameters(parameters));
      return (X509ExtendedTrustManager) factory.getTrustManagers()[0];
    } catch (GeneralSecurityException e) {
      throw new CertificateException("certificates cannot be checked: " + e.getMessage(), e);
    }
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    throw new CertificateException("no connection given: the server's name cannot be checked");
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    throw new CertificateException("a device serves nobody over TLS");
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    checkClientTrusted(chain, authType);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    checkClientTrusted(chain, authType);
  }

  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return known.toArray(X509Certificate[]::new);
  }
}
