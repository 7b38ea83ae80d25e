package io.skerry.control.rollout;

import static io.skerry.control.rollout.RolloutFleet.ARM;
import static io.skerry.control.rollout.RolloutFleet.X86;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.device.TrustConfig;
import io.skerry.control.drift.Monitoring;
import io.skerry.control.web.ProblemException;
import io.skerry.fleet.rollout.RolloutAct;
import io.skerry.protocol.ErrorCode;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What has to hold still, when a rollout begins that was written down earlier. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RolloutStartTest {
  private static final Actor BEN = new Actor("ben", "request-2");
  private static final String ANEW = "sha256:" + "1".repeat(64);

  private final RolloutFleet fleet;

  RolloutStartTest(@TempDir Path folder) throws Exception {
    fleet = new RolloutFleet(folder);
  }

  @AfterAll
  void close() throws Exception {
    fleet.close();
  }

  @BeforeEach
  void enrol() {
    fleet.empty();
    fleet.version(1, Map.of(X86, "onnxruntime", ARM, "onnxruntime"));
    fleet.version("other", 3, Map.of(X86, "onnxruntime", ARM, "onnxruntime"));
    fleet.enrol(2, X86);
    fleet.enrol(2, ARM);
  }

  private String ready() {
    String id = fleet.create(request("\"draft\": true")).id();
    fleet.act(id, RolloutAct.SUBMIT);
    return id;
  }

  private static String request(String more) {
    return """
    {"model": "tested", "version": 1, "stages": [{"percent": 100}],
      "parts": [{"slot": "second", "model": "other", "version": 3}], %s}
    """
        .formatted(more);
  }

  private void refuses(RolloutAct act, String id, String field, String... words) {
    String before = fleet.find(id).state();
    assertThatThrownBy(() -> fleet.rollouts.act(BEN, id, act, "now", OptionalLong.empty()))
        .isInstanceOfSatisfying(
            ProblemException.class,
            problem -> {
              assertThat(problem.code()).isEqualTo(ErrorCode.STATE_CONFLICT);
              assertThat(problem.errors())
                  .singleElement()
                  .satisfies(error -> assertThat(error.field()).isEqualTo(field));
            })
        .hasMessageContainingAll(words);
    assertThat(fleet.find(id).state()).isEqualTo(before);
    assertThat(fleet.ordered()).isEmpty();
  }

  @Test
  void refusesToStartWhatDevicesRefuseByNow() {
    String id = ready();
    fleet.sql("update variant set refused = true where model = 'tested' and profile = ?", ARM);

    refuses(RolloutAct.START, id, "version", "tested@1 awaits the release key's signature", ARM);
  }

  @Test
  void refusesToApproveWhatIsNotSignedAnyMore() {
    String id = fleet.create(request("\"approval\": true")).id();
    fleet.sql("update variant set signature = null where model = 'other'");

    refuses(
        RolloutAct.APPROVE,
        id,
        "parts[0].version",
        "other@3 awaits the release key's signature for %s, %s".formatted(ARM, X86));
  }

  /** The same data with {@code trust.rollouts-approved}. */
  private Rollouts whereAllAreApproved() {
    TrustConfig defaults = TrustConfig.DEFAULTS;
    return new Rollouts(
        fleet.plane.database(),
        fleet.plane.bean(SqlBooks.class),
        fleet.plane.bean(AuditLog.class),
        fleet.plane.bean(Monitoring.class),
        new TrustConfig(defaults.snapshotValidity(), defaults.desiredValidity(), true));
  }

  @Test
  void startsNothingThatWasWrittenBeforeAllHadToBeApproved() {
    Rollouts strict = whereAllAreApproved();
    String draft = fleet.create(request("\"draft\": true")).id();
    String ready = ready();

    Map.of(draft, RolloutAct.SUBMIT, ready, RolloutAct.START)
        .forEach(
            (id, act) -> {
              assertThatThrownBy(() -> strict.act(BEN, id, act, "now", OptionalLong.empty()))
                  .isInstanceOfSatisfying(
                      ProblemException.class,
                      problem -> assertThat(problem.code()).isEqualTo(ErrorCode.STATE_CONFLICT))
                  .hasMessageContainingAll(
                      "the approval of somebody else than ana", "abort it and write it again");
              assertThat(strict.refusals(BEN, id)).containsOnlyKeys(act.wireName());
            });
    assertThat(fleet.ordered()).isEmpty();
    assertThat(strict.act(BEN, draft, RolloutAct.ABORT, "", OptionalLong.empty()).state())
        .isEqualTo("ABORTED");
  }

  @Test
  void startsWhatIsApprovedWhereAllMustBe() {
    String id = fleet.create(request("\"approval\": true")).id();

    assertThat(
            whereAllAreApproved()
                .act(BEN, id, RolloutAct.APPROVE, "looked at it", OptionalLong.empty())
                .state())
        .isEqualTo("RUNNING");
  }

  @Test
  void refusesToStartWhatIsPackagedNoMore() {
    String id = ready();
    fleet.sql("delete from variant where model = 'tested' and profile = ?", X86);

    refuses(RolloutAct.START, id, "version", "tested@1 has no packaged variant for " + X86);
  }

  @Test
  void refusesToStartAnotherArtifactThanWasLookedAt() {
    String id = ready();
    fleet.sql("update variant set manifest = ? where model = 'tested' and profile = ?", ANEW, X86);

    refuses(
        RolloutAct.START,
        id,
        "version",
        "tested@1 was packaged anew for " + X86,
        "write the rollout again");
  }

  @Test
  void ordersByTheSignatureThatCountsNow() {
    String id = ready();
    fleet.sql("update variant set signature = ? where model = 'tested'", ANEW);

    assertThat(fleet.act(id, RolloutAct.START).state()).isEqualTo("RUNNING");

    assertThat(
            fleet.texts(
                "select device as name, signature as text from desired_slot where slot = 'main'"))
        .hasSize(4)
        .containsValue(ANEW)
        .doesNotContainValue(null)
        .allSatisfy((device, signature) -> assertThat(signature).isEqualTo(ANEW));
  }

  @Test
  void takesNoSignatureOfAnotherArtifactThanItBrings() {
    String id = ready();
    fleet.sql(
        """
        insert into rollout_variant (rollout, slot, profile, model, version, manifest, signature,
          engine)
        select rollout, 'third', profile, model, version, ?, signature, engine
        from rollout_variant where rollout = ? and slot = 'main'
        """,
        ANEW,
        id);
    fleet.sql("update variant set signature = ? where model = 'tested'", ANEW);

    fleet.act(id, RolloutAct.START);

    assertThat(
            fleet.texts(
                "select slot || ' ' || profile as name, signature as text from rollout_variant"
                    + " where rollout = ? and model = 'tested'",
                id))
        .allSatisfy(
            (slot, signature) ->
                assertThat(signature.equals(ANEW)).isEqualTo(slot.startsWith("main")));
  }

  private void packageForManyProfiles() {
    fleet.sql(
        """
        insert into variant (model, version, profile, engine, precision, bytes, measured, winner,
          manifest, signature)
        select model, version, profile || '-' || to_char(n, 'FM000'), engine, precision, bytes,
          measured, winner, manifest, signature
        from variant cross join generate_series(1, 250) as n where profile = ?
        """,
        X86);
  }

  @Test
  void looksAtEveryProfileHoweverManyThereAre() {
    packageForManyProfiles();
    String id = ready();
    fleet.sql(
        "update variant set signature = null where model = 'other' and profile = ?", X86 + "-250");

    refuses(RolloutAct.START, id, "parts[0].version", "other@3 awaits", X86 + "-250");
  }

  @Test
  void namesOnlySomeOfManyProfiles() {
    packageForManyProfiles();
    String id = ready();
    fleet.sql("update variant set signature = null where model = 'tested'");

    refuses(
        RolloutAct.START,
        id,
        "version",
        "tested@1 awaits the release key's signature for " + ARM,
        X86 + "-018 and 232 more:");
  }

  @Test
  void tellsAnAuthorThatSomebodyElseMustApproveWhateverElseIsMissing() {
    String id = fleet.create(request("\"approval\": true")).id();
    fleet.sql("update variant set signature = null where model = 'other'");

    assertThatThrownBy(() -> fleet.act(id, RolloutAct.APPROVE))
        .isInstanceOfSatisfying(
            ProblemException.class,
            problem -> assertThat(problem.code()).isEqualTo(ErrorCode.NOT_ALLOWED))
        .hasMessageContaining("ana wrote this rollout: somebody else must approve it");
  }

  @Test
  void asksNothingOfProfilesThatItDoesNotBring() {
    String id = ready();
    fleet.sql(
        """
        insert into variant (model, version, profile, engine, precision, bytes, measured, winner,
          manifest, signature)
        values ('tested', 1, 'rpi5', 'onnxruntime', 'fp32', 1, 'none', true, ?, null)
        """,
        ANEW);

    assertThat(fleet.act(id, RolloutAct.START).state()).isEqualTo("RUNNING");
  }
}
