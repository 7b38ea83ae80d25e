package io.skerry.control.ca;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.control.EnrolledDevice;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.util.Base64;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class CertificateRequestTest {
  private static final KeyPair KEY = EnrolledDevice.newKey();

  static Stream<Arguments> good() {
    return Stream.of(
        Arguments.of("P-256", KEY),
        Arguments.of("P-384", EnrolledDevice.newKey("EC", 384)),
        Arguments.of("RSA 2048", EnrolledDevice.newKey("RSA", 2048)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("good")
  void takesKeysOfGoodKinds(String kind, KeyPair key) {
    CertificateRequest request = CertificateRequest.parse(EnrolledDevice.csr(key));

    assertThat(request.keySha256())
        .as(kind)
        .isEqualTo(Digest.of(key.getPublic().getEncoded()).hex());
  }

  static Stream<Arguments> hostile() {
    byte[] der = der(EnrolledDevice.csr(KEY));
    byte[] flipped = der.clone();
    flipped[flipped.length - 5] ^= 1;
    byte[] cut = java.util.Arrays.copyOf(der, der.length / 2);
    byte[] endless = der.clone();
    // The outer length says 2 GiB.
    System.arraycopy(new byte[] {0x30, (byte) 0x84, 0x7f, -1, -1, -1}, 0, endless, 0, 6);
    return Stream.of(
        Arguments.of("nothing", "", "no PEM"),
        Arguments.of("garbage", "not a request", "no PEM"),
        Arguments.of("no base64", EnrolledDevice.pem(der).replace("M", "!"), "no PEM"),
        Arguments.of(
            "a certificate's armour",
            EnrolledDevice.csr(KEY).replace("CERTIFICATE REQUEST", "CERTIFICATE"),
            "no PEM"),
        Arguments.of("two of them", EnrolledDevice.csr(KEY) + EnrolledDevice.csr(KEY), "no PEM"),
        Arguments.of(
            "oversize",
            EnrolledDevice.pem(new byte[CertificateRequest.PEM_CHARS_MAX]),
            "more than 8192"),
        Arguments.of(
            "text", EnrolledDevice.pem("hello".getBytes(StandardCharsets.UTF_8)), "PKCS#10"),
        Arguments.of("cut off", EnrolledDevice.pem(cut), "PKCS#10"),
        Arguments.of("a length beyond the end", EnrolledDevice.pem(endless), "PKCS#10"),
        Arguments.of("a flipped bit", EnrolledDevice.pem(flipped), "not signed by its own key"),
        Arguments.of(
            "somebody else's key",
            EnrolledDevice.csr(KEY, EnrolledDevice.newKey(), "SHA256withECDSA"),
            "not signed by its own key"),
        Arguments.of(
            "P-521", EnrolledDevice.csr(EnrolledDevice.newKey("EC", 521)), "another curve"),
        Arguments.of(
            "RSA 1024", EnrolledDevice.csr(EnrolledDevice.newKey("RSA", 1024)), "1024 bits"),
        Arguments.of(
            "Ed25519", EnrolledDevice.csr(EnrolledDevice.newKey("Ed25519", 0)), "key of kind"),
        Arguments.of("SHA-1", EnrolledDevice.csr(KEY, KEY, "SHA1withECDSA"), "SHA-256 or better"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("hostile")
  void refusesEverythingElseAndSaysWhy(String kind, String pem, String why) {
    assertThatThrownBy(() -> CertificateRequest.parse(pem))
        .as(kind)
        .isInstanceOfSatisfying(
            ProblemException.class,
            refused -> assertThat(refused.code()).isEqualTo(ErrorCode.REQUEST_INVALID))
        .hasMessageContaining(why);
  }

  @Test
  @Tag("slow")
  void refusesDamagedBytesOrReadsTheSameKey() {
    String key = Digest.of(KEY.getPublic().getEncoded()).hex();
    byte[] der = der(EnrolledDevice.csr(KEY));
    for (int i = 0; i < der.length; i++) {
      for (int bit = 0; bit < 8; bit++) {
        byte[] damaged = der.clone();
        damaged[i] ^= (byte) (1 << bit);

        assertThat(keyOf(EnrolledDevice.pem(damaged)))
            .as("byte %d bit %d", i, bit)
            .isIn(Optional.empty(), Optional.of(key));
      }
    }
  }

  private static Optional<String> keyOf(String pem) {
    try {
      return Optional.of(CertificateRequest.parse(pem).keySha256());
    } catch (ProblemException e) {
      return Optional.empty();
    }
  }

  private static byte[] der(String pem) {
    return Base64.getMimeDecoder().decode(pem.replaceAll("-----[^-]*-----", ""));
  }
}
