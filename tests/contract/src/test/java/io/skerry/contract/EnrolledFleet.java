package io.skerry.contract;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.hivemq.client.mqtt.MqttClientSslConfig;
import com.hivemq.client.mqtt.MqttClientSslConfigBuilder;
import io.skerry.e2e.RunningServer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/** Devices of a running control plane, enrolled as any device is, with keys of their own. */
final class EnrolledFleet implements AutoCloseable {
  private static final char[] PASSWORD = "test".toCharArray();
  private static final String SIGNATURE = "SHA256withECDSA";

  private final RunningServer server;
  private final Path data;
  private final KeyStore trusted;
  private final HttpClient http;

  EnrolledFleet(RunningServer server, Path data) throws IOException, GeneralSecurityException {
    this.server = server;
    this.data = data;
    this.trusted = empty();
    trusted.setCertificateEntry(
        "ca", certificates(Files.readString(data.resolve("keys").resolve("ca.pem"))).getFirst());
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(null, trust().getTrustManagers(), null);
    this.http = HttpClient.newBuilder().sslContext(tls).build();
  }

  /** A client's key and certificates, and where its broker is. */
  record Member(String device, String mqttHost, int mqttPort, MqttClientSslConfig tls) {}

  /** Enrols a device with a fresh key. */
  Member enrol(String device) throws Exception {
    JsonObject token =
        JsonParser.parseString(
                new String(
                    Base64.getUrlDecoder()
                        .decode(server.enrolmentToken().substring("skerry1.".length())),
                    StandardCharsets.UTF_8))
            .getAsJsonObject();
    KeyPair pair = LinkAuthority.newPair();
    JsonObject request = new JsonObject();
    request.add("token", token.get("secret"));
    request.addProperty("device", device);
    request.add("labels", new JsonObject());
    request.addProperty("csr", request(pair));
    HttpResponse<String> answer =
        http.send(
            HttpRequest.newBuilder(URI.create(token.get("url").getAsString() + "/v1/enrolments"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(request.toString()))
                .build(),
            HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() != 201) {
      throw new AssertionError(answer.body());
    }
    JsonObject enrolment = JsonParser.parseString(answer.body()).getAsJsonObject();
    return new Member(
        device,
        enrolment.get("mqttHost").getAsString(),
        enrolment.get("mqttPort").getAsInt(),
        tls(pair, certificates(enrolment.get("certificate").getAsString())));
  }

  /** Revokes a device as an operator does. */
  void revoke(String device) throws IOException, InterruptedException {
    JsonObject address =
        JsonParser.parseString(Files.readString(data.resolve("server.json"))).getAsJsonObject();
    String admin = Files.readString(data.resolve("keys").resolve("admin.token")).strip();
    HttpResponse<String> answer =
        http.send(
            HttpRequest.newBuilder(
                    URI.create(
                        address.get("url").getAsString() + "/v1/devices/" + device + "/revocation"))
                .header("Authorization", "Bearer " + admin)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{\"reason\":\"stolen\"}"))
                .build(),
            HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() / 100 != 2) {
      throw new AssertionError(answer.body());
    }
  }

  /** Shows no certificate. */
  MqttClientSslConfig anonymous() {
    return trusting().build();
  }

  /** Shows a certificate with a device's name that another authority has issued. */
  MqttClientSslConfig foreign(String device)
      throws IOException, GeneralSecurityException, OperatorCreationException {
    LinkAuthority.Identity another = new LinkAuthority().device(device);
    return tls(another.pair(), List.of(another.certificate()));
  }

  private MqttClientSslConfig tls(KeyPair pair, List<Certificate> chain)
      throws GeneralSecurityException, IOException {
    KeyStore store = empty();
    store.setKeyEntry("device", pair.getPrivate(), PASSWORD, chain.toArray(Certificate[]::new));
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(store, PASSWORD);
    return trusting().keyManagerFactory(keys).build();
  }

  private MqttClientSslConfigBuilder trusting() {
    try {
      return MqttClientSslConfig.builder().trustManagerFactory(trust());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private TrustManagerFactory trust() throws GeneralSecurityException {
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(trusted);
    return factory;
  }

  private static String request(KeyPair pair) throws OperatorCreationException, IOException {
    byte[] der =
        new JcaPKCS10CertificationRequestBuilder(new X500Principal("CN=any"), pair.getPublic())
            .build(new JcaContentSignerBuilder(SIGNATURE).build(pair.getPrivate()))
            .getEncoded();
    return "-----BEGIN CERTIFICATE REQUEST-----\n"
        + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der)
        + "\n-----END CERTIFICATE REQUEST-----\n";
  }

  private static List<Certificate> certificates(String pem) throws GeneralSecurityException {
    return List.copyOf(
        CertificateFactory.getInstance("X.509")
            .generateCertificates(
                new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII))));
  }

  static KeyStore empty() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    return store;
  }

  @Override
  public void close() {
    http.close();
  }
}
