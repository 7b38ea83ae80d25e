package io.skerry.control.alert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.sun.net.httpserver.HttpServer;
import io.skerry.api.AlertDelivery;
import io.skerry.api.AlertRouteRequest;
import io.skerry.api.AlertSilenceRequest;
import io.skerry.api.Incident;
import io.skerry.control.audit.Actor;
import io.skerry.control.drift.HarmConfirmed;
import io.skerry.control.drift.IncidentOpened;
import io.skerry.control.sql.TestPlane;
import io.skerry.fleet.incident.Incident.Page;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Alerts on their way to real receivers. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DeliveryTest {
  private static final Actor ANA = new Actor("ana", "");
  private static final String SECRET = "a secret of the receiver";

  private final TestPlane plane;
  private final AlertRoutes routes;
  private final HttpServer receiver;
  private final BlockingQueue<Received> received = new LinkedBlockingQueue<>();
  private final AtomicInteger status = new AtomicInteger(200);
  private final HttpSender http = new HttpSender();

  private record Received(String path, Map<String, List<String>> headers, String body) {}

  DeliveryTest(@TempDir Path folder) throws IOException {
    plane = TestPlane.start(folder.resolve("data"));
    routes = plane.bean(AlertRoutes.class);
    receiver = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    receiver.createContext(
        "/",
        exchange -> {
          received.add(
              new Received(
                  exchange.getRequestURI().getPath(),
                  Map.copyOf(exchange.getRequestHeaders()),
                  new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8)));
          exchange.sendResponseHeaders(status.get(), -1);
          exchange.close();
        });
    receiver.start();
  }

  @AfterAll
  void stop() throws IOException {
    receiver.stop(0);
    plane.close();
  }

  @BeforeEach
  void empty() {
    status.set(200);
    received.clear();
    plane
        .database()
        .run(
            transaction ->
                transaction.update("truncate alert, alert_route, alert_silence cascade"));
  }

  @Test
  void postsASignedCloudEvent() throws Exception {
    create("hook", "webhook", url("/hook"), SECRET);
    Alert alert = keep("incident.harmful", "incident-1");

    deliverAt(Instant.now());

    Received got = received.remove();
    JsonObject event = JsonParser.parseString(got.body()).getAsJsonObject();
    assertThat(event.get("specversion").getAsString()).isEqualTo("1.0");
    assertThat(event.get("id").getAsString()).isEqualTo(alert.eventId());
    assertThat(event.get("type").getAsString()).isEqualTo("skerry.incident.harmful.v1");
    assertThat(event.get("subject").getAsString()).isEqualTo("incident-1");
    assertThat(Instant.parse(event.get("time").getAsString())).isEqualTo(alert.at());
    assertThat(event.getAsJsonObject("data").get("severity").getAsString()).isEqualTo("PAGE");
    assertThat(header(got, "Content-type")).startsWith("application/cloudevents+json");
    String signature = header(got, "Skerry-signature");
    long seconds = Long.parseLong(signature.substring(2, signature.indexOf(',')));
    assertThat(signature)
        .isEqualTo(
            WebhookSender.signature(SECRET, seconds, got.body().getBytes(StandardCharsets.UTF_8)));
    assertThat(deliveries().getFirst().state()).isEqualTo("DELIVERED");
  }

  @Test
  void triesAgainWithPausesAndKeepsTheAnswer() throws Exception {
    create("hook", "webhook", url("/hook"), SECRET);
    keep("incident.opened", "incident-2");
    status.set(503);
    Instant now = Instant.now();

    deliverAt(now);
    deliverAt(now.plusSeconds(1));
    assertThat(received).hasSize(1);
    assertThat(deliveries().getFirst().state()).isEqualTo("WAITING");
    assertThat(deliveries().getFirst().answer()).isEqualTo("503");
    status.set(200);
    deliverAt(now.plusSeconds(6));

    assertThat(received).hasSize(2);
    assertThat(received.remove().body()).isEqualTo(received.remove().body());
    assertThat(deliveries().getFirst().attempts()).isEqualTo(2);
    assertThat(deliveries().getFirst().state()).isEqualTo("DELIVERED");
  }

  @Test
  void givesUpWhatIsRefusedUntilSomebodyRedelivers() throws Exception {
    create("hook", "webhook", url("/hook"), SECRET);
    keep("incident.opened", "incident-3");
    status.set(404);
    deliverAt(Instant.now());
    assertThat(deliveries().getFirst().state()).isEqualTo("GIVEN_UP");
    deliverAt(Instant.now().plusSeconds(86_400));
    assertThat(received).hasSize(1);
    status.set(202);

    long id = Long.parseLong(deliveries().getFirst().id().substring("delivery-".length()));
    plane.database().run(transaction -> AlertStore.again(transaction, id, Instant.now()));
    deliverAt(Instant.now());

    assertThat(received).hasSize(2);
    assertThat(deliveries().getFirst().state()).isEqualTo("DELIVERED");
  }

  @Test
  void tellsAlertmanagerUntilTheEndAndThenTheEnd() throws Exception {
    create("am", "alertmanager", url("/"), null);
    keep("incident.opened", "incident-4");
    Instant now = Instant.now();
    deliverAt(now);
    deliverAt(now.plus(Routing.REPEAT_EVERY).plusSeconds(1));
    assertThat(received).hasSize(2).allMatch(one -> one.path().equals("/api/v2/alerts"));
    assertThat(received).noneMatch(one -> one.body().contains("endsAt"));
    received.clear();

    plane
        .database()
        .run(
            transaction ->
                AlertStore.resolve(
                    transaction, "incident.", "incident-4", now.truncatedTo(ChronoUnit.MICROS)));
    deliverAt(now.plusSeconds(300));

    assertThat(received.remove().body()).contains("endsAt", "\"severity\":\"critical\"");
    assertThat(deliveries().getFirst().state()).isEqualTo("DELIVERED");
  }

  @Test
  void mailsWhatWaitsTogether() throws Exception {
    try (MailServer server = new MailServer()) {
      create(
          "ops",
          "mail",
          "smtp://127.0.0.1:%d?to=ops@example.org&from=skerry@example.org&tls=none"
              .formatted(server.port()),
          null);
      keep("incident.opened", "incident-5");
      keep("incident.harmful", "incident-6");
      deliverAt(Instant.now());
      assertThat(server.mails).isEmpty();

      deliverAt(Instant.now().plus(Routing.GROUPED_FOR).plusSeconds(1));

      String mail = server.mails.poll(10, TimeUnit.SECONDS);
      assertThat(mail)
          .contains("RCPT TO:<ops@example.org>", "incident-5", "incident-6", "and 1 more");
      assertThat(server.mails).isEmpty();
      assertThat(deliveries()).allMatch(one -> one.state().equals("DELIVERED"));
    }
  }

  @Test
  void keepsWhatIsSilencedAndTellsNobody() throws Exception {
    create("hook", "webhook", url("/hook"), SECRET);
    routes.silence(
        ANA,
        new AlertSilenceRequest(
            "incident.", null, null, Instant.now().plusSeconds(600), "gateway is being repaired"));
    keep("incident.opened", "incident-7");

    deliverAt(Instant.now().plusSeconds(60));

    assertThat(received).isEmpty();
    assertThat(deliveries().getFirst().state()).isEqualTo("SILENCED");
  }

  /** Its harm is told of once: nobody would hear of it after the silence. */
  @Test
  void tellsAtTheEndOfASilenceOfWhatStillLasts() throws Exception {
    create("hook", "webhook", url("/hook"), SECRET);
    Instant now = Instant.now();
    silence("incident.", now.plusSeconds(600));
    keep("incident.harmful", "incident-19");
    keep("incident.harmful", "incident-20");
    end("incident-20", now.plusSeconds(60));
    silence("incident.", now.plusSeconds(1200));

    deliverAt(now.plusSeconds(601));
    assertThat(received).isEmpty();
    deliverAt(now.plusSeconds(1201));
    deliverAt(now.plusSeconds(1300));

    assertThat(received).singleElement().matches(one -> one.body().contains("incident-19"));
    assertThat(deliveries())
        .extracting(AlertDelivery::object, AlertDelivery::state)
        .containsExactly(tuple("incident-20", "SILENCED"), tuple("incident-19", "DELIVERED"));
  }

  /** An incident is harmful for one reason first and for another later. */
  @Test
  void tellsAtTheEndOfASilenceOfWhatBecameSomethingElse() throws Exception {
    create("hook", "webhook", url("/hook"), SECRET);
    Instant now = Instant.now();
    keep("incident.harmful", "incident-22", "values are missing");
    deliverAt(now.plusSeconds(1));
    silence("incident.", now.plusSeconds(600));
    keep("incident.harmful", "incident-22", "accuracy fell");

    deliverAt(now.plusSeconds(7 * 3600));

    assertThat(received).hasSize(2);
    assertThat(received).last().matches(one -> one.body().contains("accuracy fell"));
  }

  @Test
  void tellsAtOnceOfWhatLastsWhereSomebodyEndsTheSilence() throws Exception {
    create("hook", "webhook", url("/hook"), SECRET);
    String silence = silence("incident.", Instant.now().plusSeconds(600));
    keep("incident.harmful", "incident-21");

    routes.endSilence(ANA, silence);
    deliverAt(Instant.now());

    assertThat(received).hasSize(1);
  }

  private String silence(String kind, Instant until) {
    return routes
        .silence(ANA, new AlertSilenceRequest(kind, null, null, until, "gateway is being repaired"))
        .id();
  }

  @Test
  void tellsOfACauseThatWasHeldBackOnceNothingHoldsItBack() throws Exception {
    create("hook", "webhook", url("/hook"), SECRET);
    String silence =
        routes
            .silence(
                ANA,
                new AlertSilenceRequest(
                    "incident.", null, null, Instant.now().plusSeconds(600), "repair"))
            .id();
    keep("incident.opened", "incident-13");
    routes.endSilence(ANA, silence);

    keep("incident.opened", "incident-13");
    status.set(404);
    deliverAt(Instant.now());
    status.set(200);
    keep("incident.opened", "incident-13");
    deliverAt(Instant.now());
    keep("incident.opened", "incident-13");

    assertThat(deliveries())
        .extracting(AlertDelivery::state)
        .containsExactly("GROUPED", "DELIVERED", "GIVEN_UP", "SILENCED");
  }

  /** Its receiver was told that the first one ended: nobody else would tell that it came back. */
  @Test
  void tellsOfACauseThatCameBackWhileItWasQuietAndLasts() throws Exception {
    create("am", "alertmanager", url("/"), null);
    Instant now = Instant.now();
    keep("incident.opened", "incident-14");
    deliverAt(now.plusSeconds(1));
    plane
        .database()
        .run(t -> AlertStore.resolve(t, "incident.", "incident-14", now.plusSeconds(2)));
    deliverAt(now.plusSeconds(3));
    assertThat(received).hasSize(2);
    received.clear();

    keep("incident.opened", "incident-14");
    deliverAt(now.plus(Routing.QUIET).minusSeconds(60));
    assertThat(received).isEmpty();
    assertThat(deliveries().getFirst().state()).isEqualTo("GROUPED");
    deliverAt(now.plus(Routing.QUIET).plusSeconds(60));

    assertThat(received).hasSize(1);
    assertThat(deliveries().getFirst().state()).isEqualTo("REPEATING");
    // And one that ended while it was quiet is told to nobody.
    keep("incident.opened", "incident-14");
    assertThat(deliveries().getFirst().state()).isEqualTo("GROUPED");
    plane
        .database()
        .run(t -> AlertStore.resolve(t, "incident.", "incident-14", now.plusSeconds(5)));
    received.clear();
    deliverAt(now.plus(Routing.QUIET.multipliedBy(3)));
    assertThat(deliveries().getFirst().state()).isEqualTo("GROUPED");
  }

  @Test
  void staysQuietAboutWhatWasGroupedWhileASilenceCoversIt() throws Exception {
    create("hook", "webhook", url("/hook"), SECRET);
    Instant now = Instant.now();
    keep("incident.opened", "incident-15");
    deliverAt(now.plusSeconds(1));
    end("incident-15", now.plusSeconds(2));
    keep("incident.opened", "incident-15");
    String silence =
        routes
            .silence(
                ANA,
                new AlertSilenceRequest(
                    "incident.", null, null, now.plus(Routing.QUIET.multipliedBy(2)), "repair"))
            .id();
    received.clear();

    deliverAt(now.plus(Routing.QUIET).plusSeconds(60));
    assertThat(received).isEmpty();
    routes.endSilence(ANA, silence);
    deliverAt(now.plus(Routing.QUIET).plusSeconds(120));

    assertThat(received).hasSize(1);
  }

  /** First its scores let expect harm, and then outcomes show it: it never ended in between. */
  @Test
  void tellsNobodyAgainOfWhatLastsSinceItWasTold() throws Exception {
    create("hook", "webhook", url("/hook"), SECRET);
    Instant now = Instant.now();
    keep("incident.harmful", "incident-16");
    deliverAt(now.plusSeconds(1));
    keep("incident.harmful", "incident-16");

    deliverAt(now.plus(Routing.QUIET).plusSeconds(60));

    assertThat(received).hasSize(1);
    assertThat(deliveries())
        .extracting(AlertDelivery::state)
        .containsExactly("GROUPED", "DELIVERED");
  }

  @Test
  void tellsOfWhatLastsWhereItWasHeldBackAtFirst() throws Exception {
    create("hook", "webhook", url("/hook"), SECRET);
    Instant now = Instant.now();
    keep("incident.harmful", "incident-17");
    deliverAt(now.plusSeconds(1));
    end("incident-17", now.plusSeconds(2));
    keep("incident.harmful", "incident-17");
    keep("incident.harmful", "incident-17");
    received.clear();

    deliverAt(now.plus(Routing.QUIET).plusSeconds(60));

    assertThat(received).hasSize(1);
  }

  @Test
  void staysQuietAsLongAfterALateTelling() throws Exception {
    create("hook", "webhook", url("/hook"), SECRET);
    Instant now = Instant.now();
    keep("incident.opened", "incident-18");
    deliverAt(now.plusSeconds(1));
    end("incident-18", now.plusSeconds(2));
    keep("incident.opened", "incident-18");
    assertThat(deliveries().getFirst().state()).isEqualTo("GROUPED");
    sql("update alert set at = at - interval '6 hours 5 minutes'");
    sql("update alert_delivery set next_at = next_at - interval '6 hours 5 minutes'");
    deliverAt(now);
    assertThat(received).hasSize(2);
    end("incident-18", now.plusSeconds(2));

    keep("incident.opened", "incident-18");

    assertThat(deliveries().getFirst().state()).isEqualTo("GROUPED");
    deliverAt(now.plus(Routing.QUIET).minusSeconds(60));
    assertThat(received).hasSize(2);
    deliverAt(now.plus(Routing.QUIET).plusSeconds(60));
    assertThat(received).hasSize(3);
  }

  @Test
  void tellsAlertmanagerOfAMomentSoThatItTellsSomebody() throws Exception {
    create("am", "alertmanager", url("/"), null);
    Instant then = Instant.now().truncatedTo(ChronoUnit.MICROS);
    plane
        .bean(Alerts.class)
        .keep(
            new Alert(
                0, then, "rollout.halted", "r-1", "", "", Severity.PAGE, "", Optional.of(then)));
    Instant later = then.plusSeconds(3600);

    deliverAt(later);

    JsonObject posted =
        JsonParser.parseString(received.remove().body()).getAsJsonArray().get(0).getAsJsonObject();
    assertThat(Instant.parse(posted.get("startsAt").getAsString())).isEqualTo(then);
    assertThat(Instant.parse(posted.get("endsAt").getAsString()))
        .isEqualTo(later.plus(AlertmanagerSender.MOMENT_LASTS));
    assertThat(deliveries().getFirst().state()).isEqualTo("DELIVERED");
  }

  @Test
  void tellsOfACopiedKeyOnceThoughTheServerWasKilledInBetween() {
    sql(
        """
        insert into device (id, tenant, labels, facts, enrolled_at)
        values ('cam-2', 'default', '{}', '{}', now())
        """);
    sql(
        """
        insert into device_instances (device, state, cloned_since)
        values ('cam-2', '{"instances": ["a", "b"]}', now())
        """);

    plane.bean(Alerts.class).tellUntold();
    plane.bean(Alerts.class).tellUntold();

    List<Alert> kept =
        plane.database().call(transaction -> AlertStore.newest(transaction, Long.MAX_VALUE, 10));
    assertThat(kept)
        .singleElement()
        .satisfies(one -> assertThat(one.object()).isEqualTo("cam-2"))
        .satisfies(one -> assertThat(one.detail()).contains("in a and b:"));
    sql("delete from device_instances");
  }

  @Test
  void endsTheAlarmOfACopiedKeyWhenTheDeviceWasRevoked() throws Exception {
    sql(
        """
        insert into device (id, tenant, labels, facts, enrolled_at)
        values ('cam-1', 'default', '{}', '{}', now())
        """);
    sql("insert into device_instances (device, state, cloned_since) values ('cam-1', '{}', now())");
    create("am", "alertmanager", url("/"), null);
    keep("device.cloned", "cam-1");
    deliverAt(Instant.now());
    assertThat(received.remove().body()).doesNotContain("endsAt");

    sql("delete from device_instances");
    deliverAt(Instant.now());

    assertThat(received.remove().body()).contains("endsAt");
    assertThat(deliveries().getFirst().state()).isEqualTo("DELIVERED");
  }

  @Test
  void wakesSomebodyForValuesThatAreMissingAndForNoInputThatMoved() {
    Incident incident =
        new Incident(
            "incident-14",
            "OPEN",
            "m",
            1,
            "site=b",
            "",
            "s11",
            Instant.now(),
            1,
            2,
            null,
            .2,
            9,
            8,
            null,
            null,
            "",
            new Incident.Effect(
                "QUALITY", "s11", .09, .08, .1, "missing or impossible values +9.0 points"));

    for (Optional<Page> page : List.of(Optional.<Page>empty(), Optional.of(Page.QUALITY))) {
      plane
          .database()
          .run(
              transaction ->
                  plane
                      .bean(Alerts.class)
                      .onOpened(new IncidentOpened(transaction, incident, page)));
    }

    List<Alert> kept =
        plane.database().call(transaction -> AlertStore.newest(transaction, Long.MAX_VALUE, 10));
    assertThat(kept).extracting(Alert::severity).containsExactly(Severity.PAGE, Severity.TICKET);
    // In the unit of what moved: a share knows no standard deviations.
    assertThat(kept)
        .extracting(Alert::detail)
        .containsExactly(
            "s11 of site=b on 9 devices: values are missing, impossible or stuck (missing or"
                + " impossible values +9.0 points)",
            "s11 of site=b on 9 devices: missing or impossible values +9.0 points");
  }

  /** Of a label with two values the healthy ones may be named. */
  @Test
  void saysThatItMayBeTheOthers() {
    Incident incident =
        new Incident(
            "incident-15",
            "OPEN",
            "m",
            1,
            "firmware=1",
            "firmware=2",
            "s11",
            Instant.now(),
            1,
            2,
            1.4,
            .2,
            9,
            8,
            null,
            null,
            "",
            new Incident.Effect("LOCATION", "s11", .2, .1, .3, "position +20.0 points"));

    plane
        .database()
        .run(
            transaction ->
                plane
                    .bean(Alerts.class)
                    .onOpened(new IncidentOpened(transaction, incident, Optional.empty())));

    List<Alert> kept =
        plane.database().call(transaction -> AlertStore.newest(transaction, Long.MAX_VALUE, 10));
    assertThat(kept)
        .extracting(Alert::detail)
        .containsExactly(
            "s11 of firmware=1, or the other way of firmware=2, on 9 devices: position +20.0 points");
  }

  @Test
  void saysWhatBrokeInACohortThatMovedBefore() {
    Incident incident =
        new Incident(
            "incident-22",
            "OPEN",
            "m",
            1,
            "site=b",
            "",
            "s11",
            Instant.now(),
            1,
            2,
            null,
            .2,
            9,
            8,
            null,
            null,
            "QUALITY s4",
            new Incident.Effect(
                "QUALITY", "s11", .09, .08, .1, "missing or impossible values +9.0 points"));

    plane
        .database()
        .run(
            transaction ->
                plane
                    .bean(Alerts.class)
                    .onHarm(new HarmConfirmed(transaction, incident, Page.QUALITY)));

    List<Alert> kept =
        plane.database().call(transaction -> AlertStore.newest(transaction, Long.MAX_VALUE, 10));
    assertThat(kept)
        .singleElement()
        .satisfies(one -> assertThat(one.severity()).isEqualTo(Severity.PAGE))
        .satisfies(
            one ->
                assertThat(one.detail())
                    .isEqualTo(
                        "s11 of site=b moved before; since then values are missing, impossible or"
                            + " stuck: QUALITY s4"));
  }

  private void sql(String statement) {
    plane.database().run(transaction -> transaction.update(statement));
  }

  @Test
  void keepsSecretsSealedAndShowsThemToNobody() {
    create("hook", "webhook", url("/hook"), SECRET);

    byte[] stored =
        plane
            .database()
            .call(
                transaction ->
                    transaction
                        .first("select secret from alert_route", row -> row.bytes("secret"))
                        .orElseThrow());
    assertThat(new String(stored, StandardCharsets.ISO_8859_1)).doesNotContain(SECRET);
    assertThat(routes.list().toString()).doesNotContain(SECRET).contains("hasSecret=true");
    assertThat(routes.opened("hook").orElseThrow().secret()).contains(SECRET);
  }

  @Test
  void saysWhatIsWrongWithARoute() {
    assertThatThrownBy(() -> create("Hook", "webhook", url("/"), SECRET))
        .hasMessageContaining("name");
    assertThatThrownBy(() -> create("hook", "pigeon", url("/"), SECRET))
        .hasMessageContaining("webhook, mail or alertmanager");
    assertThatThrownBy(() -> create("hook", "webhook", "ftp://x", SECRET))
        .hasMessageContaining("http");
    assertThatThrownBy(() -> create("hook", "webhook", url("/"), "short"))
        .hasMessageContaining("16");
    assertThatThrownBy(() -> create("ops", "mail", "smtp://x?to=a@b.org", null))
        .hasMessageContaining("from=");
    create("hook", "webhook", url("/"), SECRET);
    assertThatThrownBy(() -> create("hook", "webhook", url("/"), SECRET))
        .hasMessageContaining("exists");
  }

  @Test
  void tellsTheOthersWhileOneReceiverHangs() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      create("silent", "webhook", "http://127.0.0.1:%d/".formatted(silent.getLocalPort()), SECRET);
      create("hook", "webhook", url("/hook"), SECRET);
      Dispatcher dispatcher = dispatcher(Clock.systemUTC());
      keep("incident.opened", "incident-8");
      List<Thread> first = dispatcher.startDue();
      assertThat(received.poll(10, TimeUnit.SECONDS)).isNotNull();
      // Its answer is taken after it arrived: until then the route is at work.
      for (Thread thread : first) {
        if (thread.getName().endsWith("-hook")) {
          thread.join();
        }
      }

      keep("incident.opened", "incident-9");
      List<Thread> second = dispatcher.startDue();

      assertThat(received.poll(10, TimeUnit.SECONDS)).isNotNull();
      assertThat(first).hasSize(2);
      assertThat(second).hasSize(1);
      assertThat(deliveries())
          .filteredOn(one -> one.route().equals("silent"))
          .allMatch(one -> one.state().equals("WAITING"));
      for (Thread thread : first) {
        thread.interrupt();
        thread.join();
      }
    }
  }

  @Test
  void takesTheStatusOfAReceiverThatNeverEndsItsAnswer() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    receiver.createContext(
        "/endless",
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          exchange.getResponseBody().write('a');
          exchange.getResponseBody().flush();
          await(end);
        });
    create("endless", "webhook", url("/endless"), SECRET);
    keep("incident.opened", "incident-10");
    HttpSender hasty = new HttpSender(Duration.ofMillis(500));

    new Dispatcher(
            plane.database(),
            routes,
            Map.of(Route.Kind.WEBHOOK, new WebhookSender(hasty, Clock.systemUTC())),
            Clock.systemUTC())
        .deliverDue();

    end.countDown();
    assertThat(deliveries().getFirst().state()).isEqualTo("DELIVERED");
    receiver.removeContext("/endless");
  }

  private static void await(CountDownLatch end) {
    try {
      end.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void givesBackWhatItCannotTryInItsTurn() throws Exception {
    create("hook", "webhook", url("/hook"), SECRET);
    keep("incident.opened", "incident-11");
    keep("incident.opened", "incident-12");
    Instant start = Instant.now();

    new Dispatcher(
            plane.database(),
            routes,
            Map.of(
                Route.Kind.WEBHOOK,
                (route, alerts) -> {
                  received.add(new Received("", Map.of(), alerts.getFirst().object()));
                  return new Routing.Answer.Unreachable("slow");
                }),
            new SlowClock(start))
        .deliverDue();

    assertThat(received).hasSize(1);
    assertThat(deliveries())
        .extracting(AlertDelivery::object, AlertDelivery::attempts, AlertDelivery::state)
        .containsExactlyInAnyOrder(
            tuple("incident-11", 1, "WAITING"), tuple("incident-12", 0, "WAITING"));
  }

  /** Half a round goes by whenever somebody looks. */
  private static final class SlowClock extends Clock {
    private Instant now;

    SlowClock(Instant now) {
      this.now = now;
    }

    @Override
    public Instant instant() {
      Instant then = now;
      now = now.plus(Dispatcher.ROUND.dividedBy(2));
      return then;
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }
  }

  private void create(
      String name, String kind, String url, @org.jspecify.annotations.Nullable String secret) {
    routes.create(ANA, new AlertRouteRequest(name, kind, url, secret, null));
  }

  private Alert keep(String kind, String object) {
    return keep(kind, object, "it moved");
  }

  private Alert keep(String kind, String object, String detail) {
    return plane
        .bean(Alerts.class)
        .keep(
            new Alert(
                0,
                Instant.now().truncatedTo(ChronoUnit.MICROS),
                kind,
                object,
                object,
                "site=b",
                Severity.PAGE,
                detail,
                Optional.empty()));
  }

  private void end(String incident, Instant at) {
    plane.database().run(transaction -> AlertStore.resolve(transaction, "incident.", incident, at));
  }

  private void deliverAt(Instant now) throws InterruptedException {
    dispatcher(Clock.fixed(now, ZoneOffset.UTC)).deliverDue();
  }

  private Dispatcher dispatcher(Clock clock) {
    return new Dispatcher(
        plane.database(),
        routes,
        Map.of(
            Route.Kind.WEBHOOK,
            new WebhookSender(http, clock),
            Route.Kind.MAIL,
            new MailSender(),
            Route.Kind.ALERTMANAGER,
            new AlertmanagerSender(http, clock)),
        clock);
  }

  private List<AlertDelivery> deliveries() {
    return plane
        .database()
        .call(transaction -> AlertStore.deliveries(transaction, Long.MAX_VALUE, 10));
  }

  private String url(String path) {
    return "http://127.0.0.1:%d%s".formatted(receiver.getAddress().getPort(), path);
  }

  private static String header(Received received, String name) {
    return received.headers().getOrDefault(name, List.of("")).getFirst();
  }

  /** Takes mails, one connection after the other. */
  private static final class MailServer implements AutoCloseable {
    private final ServerSocket socket;
    private final BlockingQueue<String> mails = new LinkedBlockingQueue<>();

    MailServer() throws IOException {
      socket = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
      Thread.ofVirtual().start(this::serve);
    }

    int port() {
      return socket.getLocalPort();
    }

    private void serve() {
      while (!socket.isClosed()) {
        try (Socket client = socket.accept();
            BufferedReader in =
                new BufferedReader(
                    new InputStreamReader(client.getInputStream(), StandardCharsets.UTF_8));
            PrintWriter out =
                new PrintWriter(client.getOutputStream(), true, StandardCharsets.UTF_8)) {
          talk(in, out);
        } catch (IOException e) {
          if (!socket.isClosed()) {
            throw new UncheckedIOException(e);
          }
        }
      }
    }

    private void talk(BufferedReader in, PrintWriter out) throws IOException {
      StringBuilder mail = new StringBuilder();
      out.print("220 ready\r\n");
      out.flush();
      boolean inData = false;
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        mail.append(line).append('\n');
        if (inData && !line.equals(".")) {
          continue;
        }
        if (inData) {
          inData = false;
          mails.add(mail.toString());
          out.print("250 taken\r\n");
        } else if (line.equals("DATA")) {
          inData = true;
          out.print("354 go on\r\n");
        } else if (line.equals("QUIT")) {
          out.print("221 bye\r\n");
          out.flush();
          return;
        } else {
          out.print("250 ok\r\n");
        }
        out.flush();
      }
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }
}
