package io.skerry.control.ca;

import io.skerry.control.web.ProblemException;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.math.BigInteger;
import java.util.Base64;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.RSAPublicKey;
import org.bouncycastle.asn1.sec.SECObjectIdentifiers;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.PKCSException;

/**
 * A device's request for a certificate (PKCS#10), checked: its sender holds the key, and the key is
 * of a kind that may be certified. The subject in it counts for nothing.
 */
public final class CertificateRequest {
  /** The longest PEM text that is read; one with an RSA key of 4096 bits has some 1,800. */
  public static final int PEM_CHARS_MAX = 8 * 1024;

  private static final Pattern PEM =
      Pattern.compile(
          "\\s*-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\\s]+)"
              + "-----END (?:NEW )?CERTIFICATE REQUEST-----\\s*");
  private static final int RSA_BITS_MIN = 2048;
  private static final int RSA_BITS_MAX = 4096;
  private static final int EXPONENT_BITS_MAX = 32;
  private static final Set<ASN1ObjectIdentifier> CURVES =
      Set.of(SECObjectIdentifiers.secp256r1, SECObjectIdentifiers.secp384r1);
  private static final Set<ASN1ObjectIdentifier> SIGNATURES =
      Set.of(
          X9ObjectIdentifiers.ecdsa_with_SHA256,
          X9ObjectIdentifiers.ecdsa_with_SHA384,
          X9ObjectIdentifiers.ecdsa_with_SHA512,
          PKCSObjectIdentifiers.sha256WithRSAEncryption,
          PKCSObjectIdentifiers.sha384WithRSAEncryption,
          PKCSObjectIdentifiers.sha512WithRSAEncryption);

  private final SubjectPublicKeyInfo key;
  private final String keySha256;
  private final String sha256;

  private CertificateRequest(SubjectPublicKeyInfo key, String keySha256, String sha256) {
    this.key = key;
    this.keySha256 = keySha256;
    this.sha256 = sha256;
  }

  /**
   * Reads and checks one.
   *
   * @throws ProblemException with REQUEST_INVALID that says what is wrong with it
   */
  public static CertificateRequest parse(String pem) {
    if (pem.length() > PEM_CHARS_MAX) {
      throw invalid("has more than %d characters".formatted(PEM_CHARS_MAX));
    }
    Matcher matcher = PEM.matcher(pem);
    if (!matcher.matches()) {
      throw invalid("is no PEM 'CERTIFICATE REQUEST'");
    }
    try {
      byte[] der = Base64.getMimeDecoder().decode(matcher.group(1));
      PKCS10CertificationRequest request = new PKCS10CertificationRequest(der);
      SubjectPublicKeyInfo key = request.getSubjectPublicKeyInfo();
      checkKey(key);
      checkSignature(request, key);
      return new CertificateRequest(key, Digest.of(key.getEncoded()).hex(), Digest.of(der).hex());
    } catch (ProblemException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      // The ASN.1 reader tells of bad bytes by many kinds of exceptions.
      throw invalid("cannot be read as PKCS#10", e);
    }
  }

  /** SHA-256 of the key's SubjectPublicKeyInfo in DER, in hex: what pre-authorisations name. */
  public String keySha256() {
    return keySha256;
  }

  /** SHA-256 of the whole request in hex. */
  String sha256() {
    return sha256;
  }

  SubjectPublicKeyInfo key() {
    return key;
  }

  private static void checkKey(SubjectPublicKeyInfo key) throws IOException {
    ASN1ObjectIdentifier algorithm = key.getAlgorithm().getAlgorithm();
    if (algorithm.equals(X9ObjectIdentifiers.id_ecPublicKey)) {
      if (!(key.getAlgorithm().getParameters() instanceof ASN1ObjectIdentifier curve)
          || !CURVES.contains(curve)) {
        throw invalid("has an EC key of another curve: use P-256 or P-384");
      }
    } else if (algorithm.equals(PKCSObjectIdentifiers.rsaEncryption)) {
      checkRsa(RSAPublicKey.getInstance(key.parsePublicKey()));
    } else {
      throw invalid(
          "has a key of kind %s: use EC P-256, P-384, or RSA of %d to %d bits"
              .formatted(algorithm, RSA_BITS_MIN, RSA_BITS_MAX));
    }
  }

  private static void checkRsa(RSAPublicKey rsa) {
    int bits = rsa.getModulus().bitLength();
    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX) {
      throw invalid(
          "has an RSA key of %d bits: use %d to %d".formatted(bits, RSA_BITS_MIN, RSA_BITS_MAX));
    }
    BigInteger exponent = rsa.getPublicExponent();
    if (!exponent.testBit(0)
        || exponent.compareTo(BigInteger.ONE) <= 0
        || exponent.bitLength() > EXPONENT_BITS_MAX) {
      throw invalid("has an RSA key with the exponent " + exponent);
    }
  }

  private static void checkSignature(PKCS10CertificationRequest request, SubjectPublicKeyInfo key) {
    ASN1ObjectIdentifier algorithm = request.getSignatureAlgorithm().getAlgorithm();
    if (!SIGNATURES.contains(algorithm)) {
      throw invalid("is signed by algorithm %s: use SHA-256 or better".formatted(algorithm));
    }
    try {
      if (!request.isSignatureValid(new JcaContentVerifierProviderBuilder().build(key))) {
        throw invalid("is not signed by its own key");
      }
    } catch (OperatorCreationException | PKCSException e) {
      throw invalid("is not signed by its own key", e);
    }
  }

  private static ProblemException invalid(String what) {
    return new ProblemException(ErrorCode.REQUEST_INVALID, "the certificate request " + what);
  }

  private static ProblemException invalid(String what, Exception cause) {
    return new ProblemException(
        ErrorCode.REQUEST_INVALID, "the certificate request " + what, cause);
  }
}
