package io.skerry.agent.identity;

import io.skerry.agent.disk.Disk;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Optional;

/** What a device reads that a stranger may have written. */
public final class IdentityReaders {
  private IdentityReaders() {}

  /** A certificate in PEM. */
  public static String pem(X509Certificate certificate) {
    return CertificateChain.pem(certificate);
  }

  /** A device's request for a certificate, in PEM. */
  public static String request(Path folder) throws IOException, GeneralSecurityException {
    return KeyVault.of(Disk.local(), folder, Optional.empty()).findOrMake(1).request("d1");
  }

  /** Reads an enrolment token. */
  public static void token(String text) throws EnrolmentException {
    EnrolmentToken.parse(text);
  }

  /** Reads certificates in PEM. */
  public static void certificates(String pem) throws CertificateException {
    CertificateChain.parse(pem);
  }
}
