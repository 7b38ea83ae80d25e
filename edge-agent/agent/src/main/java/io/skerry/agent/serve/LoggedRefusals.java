package io.skerry.agent.serve;

import java.net.Socket;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says why a client's certificate was refused, because the client is told next to nothing. */
final class LoggedRefusals extends X509ExtendedTrustManager {
  private static final Logger log = LoggerFactory.getLogger(LoggedRefusals.class);

  private final X509ExtendedTrustManager trust;
  private final Sparingly sparingly = new Sparingly();

  LoggedRefusals(X509ExtendedTrustManager trust) {
    this.trust = trust;
  }

  @FunctionalInterface
  private interface Check {
    void run() throws CertificateException;
  }

  private void logged(X509Certificate[] chain, Check check) throws CertificateException {
    try {
      check.run();
    } catch (CertificateException e) {
      if (sparingly.isDue()) {
        log.atWarn()
            .addKeyValue("subject", subject(chain))
            .addKeyValue("reason", Texts.shortened(String.valueOf(e.getMessage())))
            .log("client's certificate refused");
      }
      throw e;
    }
  }

  // Whoever made the certificate chose the name.
  private static String subject(X509Certificate[] chain) {
    return chain.length == 0 ? "" : Texts.shortened(chain[0].getSubjectX500Principal().getName());
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
      throws CertificateException {
    logged(chain, () -> trust.checkClientTrusted(chain, type, engine));
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
      throws CertificateException {
    logged(chain, () -> trust.checkClientTrusted(chain, type, socket));
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
    logged(chain, () -> trust.checkClientTrusted(chain, type));
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
      throws CertificateException {
    trust.checkServerTrusted(chain, type, engine);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
      throws CertificateException {
    trust.checkServerTrusted(chain, type, socket);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
    trust.checkServerTrusted(chain, type);
  }

  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return trust.getAcceptedIssuers();
  }
}
