package io.skerry.artifact.sign;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.interfaces.EdECPrivateKey;
import java.security.spec.NamedParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.function.Function;

/** An Ed25519 key pair, kept as a PKCS#8 PEM file that only its owner can read. */
public final class SigningKey {
  private static final String PEM_BEGIN = "-----BEGIN PRIVATE KEY-----";
  private static final String PEM_END = "-----END PRIVATE KEY-----";
  private static final long PEM_BYTES_MAX = 4096;

  private final PrivateKey privateKey;
  private final VerificationKey verificationKey;
  private final Function<byte[], byte[]> signer;

  /** A way to compute what RFC 8032 leaves no choice about. */
  @FunctionalInterface
  public interface Ed25519 {
    /**
     * A signature.
     *
     * @param seed 32 secret bytes
     * @param publicKey 32 bytes, of the seed
     * @return 64 bytes
     */
    byte[] sign(byte[] seed, byte[] publicKey, byte[] message);
  }

  private SigningKey(PrivateKey privateKey, VerificationKey verificationKey) {
    this.privateKey = privateKey;
    this.verificationKey = verificationKey;
    this.signer = message -> signedByTheJdk(privateKey, message);
  }

  private SigningKey(
      PrivateKey privateKey, VerificationKey verificationKey, Function<byte[], byte[]> signer) {
    this.privateKey = privateKey;
    this.verificationKey = verificationKey;
    this.signer = signer;
  }

  /** A fresh key from the system's secure random source. */
  public static SigningKey generate() {
    byte[] seed = new byte[VerificationKey.RAW_BYTES];
    new SecureRandom().nextBytes(seed);
    return ofSeed(seed);
  }

  /**
   * The key that these 32 secret bytes stand for (RFC 8032).
   *
   * @throws IllegalArgumentException if there are not 32
   */
  public static SigningKey ofSeed(byte[] seed) {
    if (seed.length != VerificationKey.RAW_BYTES) {
      throw new IllegalArgumentException(
          "Ed25519 seed has %d bytes, expected 32".formatted(seed.length));
    }
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance(VerificationKey.ALGORITHM);
      generator.initialize(NamedParameterSpec.ED25519, new SeedOnly(seed));
      KeyPair pair = generator.generateKeyPair();
      byte[] spki = pair.getPublic().getEncoded();
      byte[] raw = Arrays.copyOfRange(spki, spki.length - VerificationKey.RAW_BYTES, spki.length);
      return new SigningKey(pair.getPrivate(), VerificationKey.ofRaw(raw));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK since 15 has Ed25519", e);
    }
  }

  /**
   * Reads a PKCS#8 PEM file.
   *
   * @throws IOException if the file cannot be read or holds no Ed25519 private key
   */
  public static SigningKey read(Path pem) throws IOException {
    if (Files.size(pem) > PEM_BYTES_MAX) {
      throw new IOException(
          "key file %s is no PEM private key: it is too large: give another file".formatted(pem));
    }
    String text = Files.readString(pem, StandardCharsets.US_ASCII).strip();
    if (!text.startsWith(PEM_BEGIN) || !text.endsWith(PEM_END)) {
      throw new IOException(
          "key file %s is no PEM private key: expected '%s': give another file"
              .formatted(pem, PEM_BEGIN));
    }
    String base64 = text.substring(PEM_BEGIN.length(), text.length() - PEM_END.length());
    try {
      byte[] der = Base64.getMimeDecoder().decode(base64);
      PrivateKey key =
          KeyFactory.getInstance(VerificationKey.ALGORITHM)
              .generatePrivate(new PKCS8EncodedKeySpec(der));
      return ofSeed(seed(key));
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      throw new IOException(
          "key file %s holds no Ed25519 private key: give another file".formatted(pem), e);
    }
  }

  /**
   * Writes a new PKCS#8 PEM file with mode 0600.
   *
   * @throws IOException if the file exists already or cannot be written
   */
  public void write(Path pem) throws IOException {
    String body =
        Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(privateKey.getEncoded());
    byte[] text =
        (PEM_BEGIN + "\n" + body + "\n" + PEM_END + "\n").getBytes(StandardCharsets.US_ASCII);
    if (Files.getFileStore(pem.toAbsolutePath().getParent()).supportsFileAttributeView("posix")) {
      // The mode is set when the file is made, so the secret is never readable by others.
      Files.createFile(
          pem, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.write(pem, text, StandardOpenOption.WRITE);
    } else {
      Files.write(pem, text, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    }
  }

  /** The public half. */
  public VerificationKey verificationKey() {
    return verificationKey;
  }

  /**
   * The same key, which signs in another way than the JDK's.
   *
   * @throws IllegalArgumentException if the signatures are not the same
   */
  public SigningKey by(Ed25519 way) {
    byte[] seed = seed(privateKey);
    byte[] publicKey = verificationKey.raw();
    Function<byte[], byte[]> signs = message -> way.sign(seed, publicKey, message);
    // A signature with a wrong public key in it would give the secret away.
    if (!Arrays.equals(signs.apply(publicKey), sign(publicKey))) {
      throw new IllegalArgumentException("%s signs otherwise than the JDK".formatted(way));
    }
    return new SigningKey(privateKey, verificationKey, signs);
  }

  private static byte[] seed(PrivateKey key) {
    return ((EdECPrivateKey) key).getBytes().orElseThrow();
  }

  /** The signature over these bytes: 64 bytes, the same every time. */
  public byte[] sign(byte[] message) {
    return signer.apply(message);
  }

  private static byte[] signedByTheJdk(PrivateKey privateKey, byte[] message) {
    try {
      Signature signer = Signature.getInstance(VerificationKey.ALGORITHM);
      signer.initSign(privateKey);
      signer.update(message);
      return signer.sign();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("an Ed25519 key of our own cannot sign", e);
    }
  }

  @Override
  public String toString() {
    return "signing " + verificationKey;
  }

  /**
   * Hands the generator our own secret: the JDK derives a public key only while it generates a
   * pair, and PKCS#8 files carry the secret alone.
   */
  private static final class SeedOnly extends SecureRandom {
    private static final long serialVersionUID = 1L;
    private final byte[] seed;

    SeedOnly(byte[] seed) {
      this.seed = seed.clone();
    }

    @Override
    public void nextBytes(byte[] bytes) {
      if (bytes.length != seed.length) {
        throw new IllegalStateException(
            "key generation asked for %d bytes".formatted(bytes.length));
      }
      System.arraycopy(seed, 0, bytes, 0, bytes.length);
    }
  }
}
