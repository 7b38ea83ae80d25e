package io.skerry.agent.identity;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsExchange;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.trust.Role;
import io.skerry.artifact.trust.RootDocument;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/** A control plane's port for devices: enrols, renews, tells the time. Only for tests. */
public final class TestDevicePort implements AutoCloseable {
  private static final Duration BACKDATED = Duration.ofHours(1);

  public final TestAuthority authority = new TestAuthority("test authority");
  public final SigningKey root;
  public final SigningKey director;
  public final SigningKey release;
  public final DsseEnvelope rootDocument;

  /** Names of devices that asked to enrol, and the fingerprints of their keys. */
  final List<String> enrolments = Collections.synchronizedList(new ArrayList<>());

  /** What was asked for with these. */
  final List<String> requests = Collections.synchronizedList(new ArrayList<>());

  /** Subjects of the certificates shown with each request for a certificate. */
  final List<String> renewals = Collections.synchronizedList(new ArrayList<>());

  volatile Duration lifetime = Duration.ofDays(30);
  volatile Duration clockBy = Duration.ZERO;
  final AtomicInteger usesLeft = new AtomicInteger(1);
  volatile boolean cutsAnswers;
  volatile boolean losesRequests;
  volatile boolean revoked;
  volatile SigningKey signsTime;
  volatile Optional<String> answersNonce = Optional.empty();
  volatile Optional<TestAuthority> issuesBy = Optional.empty();
  volatile String names = "";

  private final HttpsServer server;
  private final String host;

  public TestDevicePort() throws IOException {
    this(SigningKey.generate(), SigningKey.generate(), SigningKey.generate());
  }

  public TestDevicePort(SigningKey root, SigningKey release, SigningKey director)
      throws IOException {
    this(
        root,
        release,
        director,
        "127.0.0.1",
        new Validity(Instant.now().minus(BACKDATED), Instant.now().plus(Duration.ofDays(90))));
  }

  TestDevicePort(
      SigningKey root, SigningKey release, SigningKey director, String host, Validity validity)
      throws IOException {
    this.root = root;
    this.release = release;
    this.director = director;
    this.signsTime = director;
    this.rootDocument =
        new RootDocument(
                1,
                Instant.parse("2999-01-01T00:00:00Z"),
                Role.of(root.verificationKey()),
                Role.of(release.verificationKey()),
                Role.of(director.verificationKey()),
                Role.of(root.verificationKey()),
                List.of(),
                Map.of())
            .signedBy(List.of(root));
    this.host = "127.0.0.1";
    KeyPair pair = TestAuthority.pair();
    X509Certificate certificate = authority.server(pair, host, validity);
    server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    SSLContext context =
        context(new ServerLogin(pair.getPrivate(), List.of(certificate, authority.certificate())));
    server.setHttpsConfigurator(
        new HttpsConfigurator(context) {
          @Override
          public void configure(HttpsParameters parameters) {
            SSLParameters tls = context.getDefaultSSLParameters();
            tls.setWantClientAuth(true);
            parameters.setSSLParameters(tls);
          }
        });
    server.createContext("/v1/enrolments", this::enrol);
    server.createContext("/v1/certificates", this::renew);
    server.createContext("/v1/time", this::tellTime);
    server.createContext("/v1/roots/", this::tellRoot);
    server.start();
  }

  private static SSLContext context(KeyManager login) {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(new KeyManager[] {login}, new TrustManager[] {new Anybody()}, null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  public URI base() {
    return URI.create("https://" + host + ":" + server.getAddress().getPort());
  }

  public String token() {
    return token(authority.fingerprint(), RootDocument.fingerprint(rootDocument));
  }

  String token(String ca, String rootFingerprint) {
    JsonObject token = new JsonObject();
    token.addProperty("url", base().toString());
    token.addProperty("secret", "secret");
    token.addProperty("ca", ca);
    token.addProperty("root", rootFingerprint);
    return "skerry1."
        + Base64.getUrlEncoder()
            .withoutPadding()
            .encodeToString(token.toString().getBytes(StandardCharsets.UTF_8));
  }

  private Instant now() {
    return Instant.now().plus(clockBy);
  }

  private Validity validity() {
    return new Validity(now().minus(BACKDATED), now().plus(lifetime));
  }

  private void enrol(HttpExchange exchange) throws IOException {
    if (losesRequests) {
      exchange.close();
      return;
    }
    JsonObject request = body(exchange);
    String device = request.get("device").getAsString();
    String csr = request.get("csr").getAsString();
    requests.add(csr);
    enrolments.add(device + " " + keyOf(csr));
    if (usesLeft.getAndDecrement() <= 0) {
      answer(exchange, 401, problem("the enrolment token is unknown, used up or expired"));
      return;
    }
    JsonObject answer = new JsonObject();
    answer.addProperty("tenant", "default");
    answer.addProperty("device", device);
    answer.addProperty(
        "certificate",
        issuesBy
            .orElse(authority)
            .device(csr, "default", names.isEmpty() ? device : names, validity()));
    answer.addProperty("mqttHost", "127.0.0.1");
    answer.addProperty("mqttPort", 1);
    answer.addProperty("controlBase", base().toString());
    answer.addProperty("artifactBase", base() + "/artifacts");
    answer.addProperty("bootEpoch", 41);
    JsonArray roots = new JsonArray();
    roots.add(new String(rootDocument.toJson(), StandardCharsets.UTF_8));
    answer.add("roots", roots);
    if (cutsAnswers) {
      exchange.sendResponseHeaders(201, 1000);
      exchange.getResponseBody().write('{');
      exchange.close();
      return;
    }
    answer(exchange, 201, answer);
  }

  private void renew(HttpExchange exchange) throws IOException {
    String shown;
    try {
      X509Certificate certificate =
          (X509Certificate) ((HttpsExchange) exchange).getSSLSession().getPeerCertificates()[0];
      shown = certificate.getSubjectX500Principal().getName() + " " + certificate.getSerialNumber();
    } catch (SSLPeerUnverifiedException e) {
      shown = "nobody";
    }
    renewals.add(shown);
    if (shown.equals("nobody") || revoked) {
      answer(exchange, 403, problem("the certificate is revoked"));
      return;
    }
    JsonObject answer = new JsonObject();
    answer.addProperty(
        "certificate",
        issuesBy
            .orElse(authority)
            .device(body(exchange).get("csr").getAsString(), "default", "cam-1", validity()));
    answer(exchange, 201, answer);
  }

  private void tellTime(HttpExchange exchange) throws IOException {
    JsonObject time = new JsonObject();
    String asked = exchange.getRequestURI().getQuery().substring("nonce=".length());
    time.addProperty("nonce", answersNonce.orElse(asked));
    time.addProperty("at", now().toString());
    byte[] envelope =
        Dsse.sign(
                "application/vnd.skerry.time.v1+json",
                time.toString().getBytes(StandardCharsets.UTF_8),
                signsTime)
            .toJson();
    answer(exchange, 200, envelope);
  }

  private void tellRoot(HttpExchange exchange) throws IOException {
    if (exchange.getRequestURI().getPath().endsWith("/1")) {
      answer(exchange, 200, rootDocument.toJson());
    } else {
      answer(exchange, 404, problem("no such root"));
    }
  }

  private static String keyOf(String csr) throws IOException {
    return io.skerry.protocol.Digest.of(
            TestAuthority.read(csr).getSubjectPublicKeyInfo().getEncoded())
        .hex();
  }

  private static JsonObject body(HttpExchange exchange) throws IOException {
    return JsonParser.parseString(
            new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8))
        .getAsJsonObject();
  }

  private static JsonObject problem(String detail) {
    JsonObject problem = new JsonObject();
    problem.addProperty("detail", detail);
    return problem;
  }

  private static void answer(HttpExchange exchange, int status, JsonObject body)
      throws IOException {
    answer(exchange, status, body.toString().getBytes(StandardCharsets.UTF_8));
  }

  private static void answer(HttpExchange exchange, int status, byte[] body) throws IOException {
    try (exchange) {
      exchange.sendResponseHeaders(status, body.length);
      exchange.getResponseBody().write(body);
    }
  }

  @Override
  public void close() {
    server.stop(0);
  }

  /** Takes every client's certificate: what it says is looked at later. */
  private static final class Anybody implements X509TrustManager {
    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType) {}

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }
}
