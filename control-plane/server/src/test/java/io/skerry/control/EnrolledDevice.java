package io.skerry.control;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.hivemq.client.mqtt.MqttClientSslConfig;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.jspecify.annotations.Nullable;

/** A device that made its own key, enrolled over the devices' port and speaks TLS with it. */
public final class EnrolledDevice {
  private final TestControlPlane plane;
  private final String name;
  private final KeyPair key;
  private final List<X509Certificate> chain;
  private final HttpClient http;

  private EnrolledDevice(
      TestControlPlane plane, String name, KeyPair key, List<X509Certificate> chain) {
    this.plane = plane;
    this.name = name;
    this.key = key;
    this.chain = List.copyOf(chain);
    this.http = HttpClient.newBuilder().sslContext(ssl(plane, key, chain)).build();
  }

  /** Enrols with a new P-256 key. */
  public static EnrolledDevice enrol(TestControlPlane plane, String name) {
    KeyPair key = newKey();
    String body =
        body(TestDevice.tokenSecret(plane), name, csr(key), "{\"site\":\"b\"}").toString();
    HttpResponse<String> answer = post(plane, "/v1/enrolments", body);
    if (answer.statusCode() != 201) {
      throw new IllegalStateException(answer.body());
    }
    String pem =
        JsonParser.parseString(answer.body()).getAsJsonObject().get("certificate").getAsString();
    return new EnrolledDevice(plane, name, key, certificates(pem));
  }

  /** The same device with another certificate. */
  public EnrolledDevice with(KeyPair otherKey, List<X509Certificate> otherChain) {
    return new EnrolledDevice(plane, name, otherKey, otherChain);
  }

  /** An enrolment's body; a token or a request that is empty is left out. */
  public static JsonObject body(String token, String device, String csr, String labels) {
    JsonObject body = new JsonObject();
    if (!token.isEmpty()) {
      body.addProperty("token", token);
    }
    body.addProperty("device", device);
    if (!csr.isEmpty()) {
      body.addProperty("csr", csr);
    }
    body.add("labels", JsonParser.parseString(labels));
    return body;
  }

  /** A new P-256 key. */
  public static KeyPair newKey() {
    return newKey("EC", 256);
  }

  /** A new key. */
  public static KeyPair newKey(String algorithm, int bits) {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm);
      if (bits > 0) {
        generator.initialize(bits);
      }
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A request by a key; its subject claims to be somebody else. */
  public static String csr(KeyPair key) {
    return csr(
        key,
        key,
        switch (key.getPrivate().getAlgorithm()) {
          case "RSA" -> "SHA256withRSA";
          case "EC" -> "SHA256withECDSA";
          case "EdDSA" -> "Ed25519";
          default -> throw new IllegalArgumentException(key.getPrivate().getAlgorithm());
        });
  }

  /** A request for one key, signed by another. */
  public static String csr(KeyPair key, KeyPair signer, String algorithm) {
    try {
      byte[] der =
          new JcaPKCS10CertificationRequestBuilder(
                  new X500Name("O=other,CN=control"), key.getPublic())
              .build(new JcaContentSignerBuilder(algorithm).build(signer.getPrivate()))
              .getEncoded();
      return pem(der);
    } catch (IOException | OperatorCreationException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Bytes as a PEM request. */
  public static String pem(byte[] der) {
    return "-----BEGIN CERTIFICATE REQUEST-----\n"
        + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der)
        + "\n-----END CERTIFICATE REQUEST-----\n";
  }

  /** The certificates of a PEM text. */
  public static List<X509Certificate> certificates(String pem) {
    try {
      return CertificateFactory.getInstance("X.509")
          .generateCertificates(new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)))
          .stream()
          .map(X509Certificate.class::cast)
          .toList();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** TLS that trusts the control plane and shows nothing. */
  public static SSLContext anonymous(TestControlPlane plane) {
    return context(plane, null);
  }

  /** TLS that trusts the control plane and shows a certificate. */
  public static SSLContext ssl(TestControlPlane plane, KeyPair key, List<X509Certificate> chain) {
    return context(plane, new ShownKey(key, chain));
  }

  private static SSLContext context(TestControlPlane plane, @Nullable KeyManager key) {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(
          key == null ? null : new KeyManager[] {key}, trust(plane).getTrustManagers(), null);
      return context;
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static TrustManagerFactory trust(TestControlPlane plane)
      throws IOException, GeneralSecurityException {
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    trusted.setCertificateEntry("ca", authority(plane));
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    return trust;
  }

  /** The CA's certificate. */
  public static X509Certificate authority(TestControlPlane plane) {
    try {
      return certificates(Files.readString(plane.data().resolve("keys").resolve("ca.pem")))
          .getFirst();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Posts JSON to the devices' port without a certificate. */
  public static HttpResponse<String> post(TestControlPlane plane, String path, String json) {
    return send(
        HttpClient.newBuilder().sslContext(anonymous(plane)).build(),
        HttpRequest.newBuilder(plane.controlBase().resolve(path))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(json)));
  }

  /** Gets something of the devices' port without a certificate. */
  public static HttpResponse<String> get(TestControlPlane plane, String path) {
    return send(
        HttpClient.newBuilder().sslContext(anonymous(plane)).build(),
        HttpRequest.newBuilder(plane.controlBase().resolve(path)));
  }

  private static HttpResponse<String> send(HttpClient http, HttpRequest.Builder request) {
    try {
      return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  /** Its name. */
  public String name() {
    return name;
  }

  /** Its key. */
  public KeyPair key() {
    return key;
  }

  /** Its certificate, then the CA's. */
  public List<X509Certificate> chain() {
    return chain;
  }

  /** TLS as this device. */
  public SSLContext ssl() {
    return ssl(plane, key, chain);
  }

  /** The same for an MQTT client. */
  public MqttClientSslConfig mqttTls() {
    try {
      char[] password = "test".toCharArray();
      KeyStore own = KeyStore.getInstance("PKCS12");
      own.load(null, null);
      own.setKeyEntry("device", key.getPrivate(), password, chain.toArray(X509Certificate[]::new));
      KeyManagerFactory shown =
          KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      shown.init(own, password);
      return MqttClientSslConfig.builder()
          .keyManagerFactory(shown)
          .trustManagerFactory(trust(plane))
          .build();
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A request to the devices' port. */
  public HttpRequest.Builder request(String path) {
    URI base = plane.controlBase();
    return HttpRequest.newBuilder(base.resolve(path));
  }

  /**
   * Sends a request as this device.
   *
   * @throws UncheckedIOException if the handshake fails
   */
  public HttpResponse<String> send(HttpRequest.Builder request) {
    return send(http, request);
  }

  /** Asks for a certificate. */
  public HttpResponse<String> renew(String csr) {
    JsonObject body = new JsonObject();
    body.addProperty("csr", csr);
    return send(
        request("/v1/certificates")
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body.toString())));
  }
}
