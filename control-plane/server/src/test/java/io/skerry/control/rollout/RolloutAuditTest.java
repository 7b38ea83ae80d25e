package io.skerry.control.rollout;

import static io.skerry.control.rollout.RolloutFleet.ANA;
import static io.skerry.control.rollout.RolloutFleet.X86;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.audit.AuditSweeps;
import io.skerry.fleet.rollout.RolloutAct;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What the audit log tells of a rollout: who, why, and by which numbers. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RolloutAuditTest {
  private static final Actor BEN = new Actor("ben", "request-2");
  private static final Actor CLEO = new Actor("cleo", "request-3");
  private static final int DEVICES = 20;

  private final RolloutFleet fleet;
  // The log outlives the fleet of a test, whose rollouts have the ids of the test before.
  private long begun;

  RolloutAuditTest(@TempDir Path folder) throws Exception {
    fleet = new RolloutFleet(folder);
  }

  @AfterAll
  void close() throws Exception {
    fleet.close();
  }

  @BeforeEach
  void runVersionOneEverywhere() {
    fleet.empty();
    fleet.version(1, Map.of(X86, "onnxruntime"));
    fleet.version(2, Map.of(X86, "onnxruntime"));
    fleet.enrol(DEVICES, X86);
    String id = fleet.create(request(1, "{\"percent\": 100}", "")).id();
    fleet.report(id, "COMMITTED");
    fleet.act(id, RolloutAct.PROMOTE);
    fleet.look();
    begun = fleet.number("select max(id) from audit_entry");
  }

  private static String request(long version, String stages, String more) {
    return """
    {"model": "tested", "version": %d, "soakWindows": 0, "windowMillis": 5000,
      "stages": [%s]%s}
    """
        .formatted(version, stages, more);
  }

  private String draft() {
    return fleet
        .create(
            request(
                2,
                "{\"percent\": 50}, {\"percent\": 100}",
                """
                , "approval": true, "draft": true, "holdback": 5, "gates": [
                  {"metric": "failed-predictions", "tolerance": 0.2, "promote": "NO_HARM_SHOWN"},
                  {"metric": "latency-p99", "promote": "NO_HARM_SHOWN"},
                  {"metric": "accuracy", "promote": "NO_HARM_SHOWN"},
                  {"metric": "error", "promote": "NO_HARM_SHOWN"}]
                """))
        .id();
  }

  private void act(Actor actor, String id, RolloutAct act, String reason) {
    fleet.rollouts.act(actor, id, act, reason, OptionalLong.empty());
  }

  private List<AuditLog.Entry> entries(String id) {
    return fleet.plane.bean(AuditLog.class).newest(Long.MAX_VALUE, 500).reversed().stream()
        .map(line -> line.entry().orElseThrow())
        .filter(entry -> entry.id() > begun)
        .filter(entry -> entry.act().object().startsWith("rollout/" + id))
        .toList();
  }

  private AuditLog.Entry entry(String id, String act, String where) {
    List<AuditLog.Entry> found =
        entries(id).stream()
            .filter(one -> one.act().act().equals(act) && one.act().object().endsWith(where))
            .toList();
    assertThat(found).as("%s in %s", act, told(id)).hasSize(1);
    return found.getFirst();
  }

  private List<String> told(String id) {
    return entries(id).stream()
        .map(
            entry ->
                "%s %s%s: %s"
                    .formatted(
                        entry.actor().name(),
                        entry.act().act(),
                        entry.act().object().substring(("rollout/" + id).length()),
                        entry.act().reason()))
        .toList();
  }

  private static JsonObject gate(AuditLog.Entry entry, String gate, String scope) {
    for (JsonElement one :
        JsonParser.parseString(entry.act().after()).getAsJsonObject().getAsJsonArray("evidence")) {
      JsonObject result = one.getAsJsonObject();
      if (result.get("gate").getAsString().equals(gate)
          && result.get("scope").getAsString().equals(scope)) {
        return result;
      }
    }
    throw new AssertionError("no gate %s (%s) in %s".formatted(gate, scope, entry.act().after()));
  }

  private static double number(JsonObject gate, String name) {
    return gate.getAsJsonObject("numbers").get(name).getAsDouble();
  }

  @Test
  void tellsWhoDidWhatAndWhyFromDraftToAbort() {
    String id = draft();
    act(ANA, id, RolloutAct.SUBMIT, "ready for review");
    act(BEN, id, RolloutAct.APPROVE, "figures are fine");
    run(id, 0);
    act(CLEO, id, RolloutAct.PAUSE, "site visit");
    act(CLEO, id, RolloutAct.RESUME, "visit is over");
    act(CLEO, id, RolloutAct.ABORT, "not this week");
    fleet.look();

    assertThat(told(id))
        .containsExactly(
            "ana rollout.created: tested@2",
            "ana rollout.waiting_for_approval: somebody else than its author must approve it;"
                + " ready for review",
            "ben rollout-stage.running/stage/1: figures are fine",
            "ben rollout.approved: figures are fine",
            "ben rollout.running: figures are fine",
            "system:rollout rollout-stage.soaking/stage/1: its devices are done: it is watched now",
            "system:rollout rollout-stage.passed/stage/1: every gate passed",
            "system:rollout rollout-stage.running/stage/2: its turn has come",
            "system:rollout rollout.running: stage 2 is open",
            "cleo rollout.paused: site visit",
            "cleo rollout.running: visit is over",
            "cleo rollout-stage.failed/stage/2: not this week",
            "cleo rollout.aborting: not this week",
            "system:rollout rollout.aborted: not this week");
    assertThat(entry(id, "rollout.approved", "").actor()).isEqualTo(BEN);
    assertThat(entry(id, "rollout.paused", "").act().before()).contains("\"phase\":\"RUNNING\"");
    assertThat(entry(id, "rollout.created", "").act().after())
        .contains("\"holdback\":5", "\"author\":\"ana\"");
  }

  @Test
  void tellsWhoActedOnThePageWhereNobodySaidWhy() {
    String id = draft();
    act(ANA, id, RolloutAct.SUBMIT, "approve it");
    onPage(BEN, id, "approve");
    onPage(CLEO, id, "pause");
    String other = draft();
    onPage(CLEO, other, "abort");

    assertThat(told(id))
        .contains(
            "ana rollout.waiting_for_approval: somebody else than its author must approve it;"
                + " approve it",
            "ben rollout.approved: by ben",
            "ben rollout.running: by ben",
            "cleo rollout.paused: by cleo");
    assertThat(told(other)).contains("cleo rollout.aborted: by cleo");
  }

  private void onPage(Actor actor, String id, String act) {
    long revision = fleet.number("select revision from rollout where id = ?", id);
    fleet.rollouts.act(actor, id, act, " ", Long.toString(revision));
  }

  @Test
  void leavesNoRowWithoutAReasonWhereNobodyGaveOne() {
    String id = fleet.create(request(2, "{\"percent\": 100}", "")).id();
    fleet.report(id, "COMMITTED");
    fleet.act(id, RolloutAct.PROMOTE);
    fleet.look();

    assertThat(fleet.find(id).state()).isEqualTo("SUCCEEDED");
    assertThat(entries(id)).allMatch(entry -> !entry.act().reason().isEmpty());
  }

  @Test
  void tellsByWhichNumbersAStagePassed() {
    String id = draft();
    act(ANA, id, RolloutAct.SUBMIT, "ready for review");
    act(BEN, id, RolloutAct.APPROVE, "figures are fine");
    run(id, 0);

    AuditLog.Entry passed = entry(id, "rollout-stage.passed", "/stage/1");
    JsonObject devices = gate(passed, "device-failures", "pooled");
    assertThat(devices.get("verdict").getAsString()).isEqualTo("PASS");
    assertThat(number(devices, "trials")).isEqualTo(10);
    assertThat(number(devices, "hits")).isZero();
    // Wilson's upper bound of 0 of 10 at 98 %: z² / (n + z²).
    assertThat(number(devices, "high")).isCloseTo(.351, within(.001));
    JsonObject failed = gate(passed, "failed-predictions", X86);
    assertThat(failed.get("verdict").getAsString()).isEqualTo("PASS");
    assertThat(number(failed, "trials")).isEqualTo(8000);
    assertThat(number(failed, "high")).isLessThan(number(failed, "tolerance"));
  }

  @Test
  void tellsByWhichNumbersAGateRolledBack() {
    String id = draft();
    act(ANA, id, RolloutAct.SUBMIT, "ready for review");
    act(BEN, id, RolloutAct.APPROVE, "figures are fine");
    run(id, 20);

    for (String act : List.of("rollout-stage.failed", "rollout.rolling_back")) {
      AuditLog.Entry stopped = entry(id, act, act.startsWith("rollout-") ? "/stage/1" : id);
      assertThat(stopped.actor()).isEqualTo(Actor.system("rollout"));
      assertThat(stopped.act().reason())
          .contains("failed-predictions", "FAIL", "50.00% of 8000 on 10 devices");
      JsonObject failed = gate(stopped, "failed-predictions", X86);
      assertThat(failed.get("verdict").getAsString()).isEqualTo("FAIL");
      assertThat(failed.get("action").getAsString()).isEqualTo("ROLLBACK");
      assertThat(number(failed, "share")).isEqualTo(.5);
      assertThat(number(failed, "trials")).isEqualTo(8000);
      assertThat(number(failed, "devices")).isEqualTo(10);
      assertThat(number(failed, "controlTrials")).isEqualTo(8000);
      assertThat(number(failed, "controlDevices")).isEqualTo(10);
      assertThat(number(failed, "low")).isGreaterThan(number(failed, "tolerance"));
      assertThat(number(failed, "low")).isLessThan(.5);
      assertThat(number(failed, "high")).isGreaterThan(.5);
    }
  }

  @Test
  void tellsOfAStageThatAPersonPassedWhatItsGatesSaid() {
    String id = draft();
    act(ANA, id, RolloutAct.SUBMIT, "ready for review");
    act(BEN, id, RolloutAct.APPROVE, "figures are fine");
    fleet.pass(Duration.ofSeconds(1));
    act(CLEO, id, RolloutAct.PROMOTE, "known from the lab");

    AuditLog.Entry passed = entry(id, "rollout-stage.passed", "/stage/1");

    assertThat(passed.actor()).isEqualTo(CLEO);
    assertThat(passed.act().reason()).contains("known from the lab");
    assertThat(gate(passed, "device-failures", "pooled").get("verdict").getAsString())
        .isEqualTo("NO_DATA");
  }

  @Test
  void chainsItsRowsSoThatAChangedOneIsFound() throws InterruptedException {
    String id = draft();
    act(ANA, id, RolloutAct.SUBMIT, "ready for review");
    act(BEN, id, RolloutAct.APPROVE, "figures are fine");
    run(id, 20);

    String previous = "0".repeat(64);
    for (AuditLog.Line line :
        fleet.plane.bean(AuditLog.class).newest(Long.MAX_VALUE, 10_000).reversed()) {
      AuditLog.Entry entry = line.entry().orElseThrow();
      assertThat(entry.previousHash()).isEqualTo(previous);
      assertThat(entry.hash()).as(entry.act().act()).isEqualTo(hash(previous, entry));
      previous = entry.hash();
    }
    assertThat(AuditSweeps.sweep(fleet.plane)).isEmpty();

    AuditLog.Entry stopped = entry(id, "rollout.rolling_back", id);
    asOwner(
        "update audit_entry set after = replace(after, '\"hits\":0', '\"hits\":1') where id = ?",
        stopped.id());

    assertThat(AuditSweeps.sweep(fleet.plane))
        .singleElement()
        .asString()
        .startsWith("row %d does not fit the one before it".formatted(stopped.id()));
    asOwner("update audit_entry set after = ? where id = ?", stopped.act().after(), stopped.id());
    assertThat(AuditSweeps.sweep(fleet.plane)).isEmpty();
  }

  // Every device is done, and sends windows of which those of version 2 have so many failures.
  private void run(String id, int failed) {
    fleet.report(id, "COMMITTED");
    for (int window = 0; window < 20; window++) {
      fleet.predict(40, failed, 2);
    }
    fleet.pass(Duration.ofMinutes(1));
  }

  // As somebody would who owns the database.
  private void asOwner(String statement, Object... parameters) {
    fleet
        .plane
        .database()
        .run(
            transaction -> {
              transaction.update("set local session_replication_role = replica");
              assertThat(transaction.update(statement, parameters)).isEqualTo(1);
            });
  }

  // As AuditLog draws it.
  private static String hash(String previous, AuditLog.Entry entry) {
    MessageDigest sha = sha256();
    sha.update(previous.getBytes(StandardCharsets.US_ASCII));
    for (String part :
        List.of(
            Long.toString(entry.id()),
            Long.toString(ChronoUnit.MICROS.between(Instant.EPOCH, entry.at())),
            entry.actor().name(),
            entry.act().act(),
            entry.act().object(),
            entry.act().reason(),
            entry.act().before(),
            entry.act().after(),
            entry.actor().requestId())) {
      byte[] text = part.getBytes(StandardCharsets.UTF_8);
      sha.update(ByteBuffer.allocate(4).putInt(text.length).array());
      sha.update(text);
    }
    return HexFormat.of().formatHex(sha.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
