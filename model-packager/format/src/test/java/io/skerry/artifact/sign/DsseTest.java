package io.skerry.artifact.sign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DsseTest {
  private static final byte[] PAYLOAD = "hello world".getBytes(StandardCharsets.UTF_8);
  private static final SigningKey KEY = SigningKey.generate();
  private static final SigningKey OTHER = SigningKey.generate();

  @Test
  void encodesWhatIsSignedAsTheStandardSays() {
    byte[] encoded = Dsse.preAuthenticationEncoding("http://example.com/HelloWorld", PAYLOAD);

    assertThat(new String(encoded, StandardCharsets.UTF_8))
        .isEqualTo("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  }

  @Test
  void derivesThePublicKeyOfTheFirstVectorOfRfc8032() {
    byte[] seed =
        HexFormat.of().parseHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");

    SigningKey key = SigningKey.ofSeed(seed);

    assertThat(key.verificationKey().hex())
        .isEqualTo("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assertThat(HexFormat.of().formatHex(key.sign(new byte[0])))
        .isEqualTo(
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  }

  @Test
  void takesNoOtherWayToSignThatGivesOtherSignatures() {
    SigningKey.Ed25519 same = (seed, publicKey, message) -> SigningKey.ofSeed(seed).sign(message);
    SigningKey.Ed25519 other = (seed, publicKey, message) -> OTHER.sign(message);

    SigningKey key = KEY.by(same);

    assertThat(key.verificationKey()).isEqualTo(KEY.verificationKey());
    assertThat(key.sign(PAYLOAD)).isEqualTo(KEY.sign(PAYLOAD));
    assertThatThrownBy(() -> KEY.by(other))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("signs otherwise");
  }

  @Test
  void returnsThePayloadThatATrustedKeySigned() {
    DsseEnvelope envelope = Dsse.sign("t", PAYLOAD, KEY);

    DsseEnvelope reread = DsseEnvelope.parseJson(envelope.toJson());

    assertThat(reread).isEqualTo(envelope);
    assertThat(Dsse.verify(reread, "t", List.of(OTHER.verificationKey(), KEY.verificationKey())))
        .isEqualTo(PAYLOAD);
  }

  @Test
  void refusesOtherKeysOtherTypesAndOtherBytes() {
    DsseEnvelope envelope = Dsse.sign("t", PAYLOAD, KEY);
    DsseEnvelope changed =
        new DsseEnvelope(
            "t", "hello World".getBytes(StandardCharsets.UTF_8), envelope.signatures());
    DsseEnvelope claimed =
        new DsseEnvelope(
            "t",
            PAYLOAD,
            List.of(
                new DsseSignature(
                    KEY.verificationKey().id(), envelope.signatures().getFirst().signature()),
                new DsseSignature(OTHER.verificationKey().id(), new byte[64])));

    assertThatThrownBy(() -> Dsse.verify(envelope, "t", List.of(OTHER.verificationKey())))
        .isInstanceOf(SignatureInvalidException.class)
        .hasMessageContaining(KEY.verificationKey().id());
    assertThatThrownBy(() -> Dsse.verify(envelope, "u", List.of(KEY.verificationKey())))
        .isInstanceOf(SignatureInvalidException.class)
        .hasMessageContaining("expected 'u'");
    assertThatThrownBy(() -> Dsse.verify(changed, "t", List.of(KEY.verificationKey())))
        .isInstanceOf(SignatureInvalidException.class);
    assertThatThrownBy(() -> Dsse.verify(claimed, "t", List.of(OTHER.verificationKey())))
        .isInstanceOf(SignatureInvalidException.class);
  }

  @Test
  void refusesWhatIsNoEnvelope() {
    for (String text :
        List.of(
            "",
            "{",
            "[]",
            "{}",
            "null",
            "{\"signatures\":1}",
            "{\"signatures\":[1]}",
            "{\"payload\":\"!\",\"payloadType\":\"t\",\"signatures\":[]}",
            "{\"payload\":null,\"payloadType\":\"t\",\"signatures\":[]}")) {
      assertThatThrownBy(() -> DsseEnvelope.parseJson(text.getBytes(StandardCharsets.UTF_8)))
          .as(text)
          .isInstanceOf(SignatureInvalidException.class);
    }
  }

  @Test
  void keepsAKeyInAFileThatOnlyItsOwnerReads(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("release.pem");

    KEY.write(file);

    assertThat(SigningKey.read(file).verificationKey()).isEqualTo(KEY.verificationKey());
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThatThrownBy(() -> KEY.write(file)).isInstanceOf(FileAlreadyExistsException.class);
  }

  @Test
  void saysWhichFileHoldsNoKey(@TempDir Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("release.pem"), "nothing");

    assertThatThrownBy(() -> SigningKey.read(file)).hasMessageContaining("release.pem");
  }
}
