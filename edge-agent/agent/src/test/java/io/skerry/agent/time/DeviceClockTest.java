package io.skerry.agent.time;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DurableFile;
import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.trust.Role;
import io.skerry.artifact.trust.RootDocument;
import io.skerry.artifact.trust.Trust;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeviceClockTest {
  private static final Instant BUILT = Instant.parse("2026-11-20T00:00:00Z");
  private static final Instant TRUE = Instant.parse("2027-03-01T12:00:00Z");
  private static final Duration TEN_YEARS = Duration.ofDays(3652);
  private static final Duration SLACK = Duration.ofSeconds(1);
  private static final SigningKey ROOT = SigningKey.generate();
  private static final SigningKey DIRECTOR = SigningKey.generate();
  private static final Trust TRUST = trust();

  @TempDir private Path folder;
  private Instant system = TRUE;
  private long nanos = 5;

  private static Trust trust() {
    RootDocument root =
        new RootDocument(
            1,
            Instant.parse("2999-01-01T00:00:00Z"),
            Role.of(ROOT.verificationKey()),
            Role.of(ROOT.verificationKey()),
            Role.of(DIRECTOR.verificationKey()),
            Role.of(ROOT.verificationKey()),
            List.of(),
            Map.of());
    var envelope = root.signedBy(List.of(ROOT));
    return Trust.pinned(envelope, RootDocument.fingerprint(envelope));
  }

  private DeviceClock open() {
    return DeviceClock.open(Disk.local(), folder, BUILT, () -> system, () -> nanos);
  }

  /** Both clocks go on. */
  private void pass(Duration time) {
    system = system.plus(time);
    nanos += time.toNanos();
  }

  private static DeviceClock.Question answering(
      Instant at, SigningKey key, Function<String, String> nonce) {
    return asked -> {
      JsonObject time = new JsonObject();
      time.addProperty("nonce", nonce.apply(asked));
      time.addProperty("at", at.toString());
      return Dsse.sign(
              SignedTime.PAYLOAD_TYPE, time.toString().getBytes(StandardCharsets.UTF_8), key)
          .toJson();
    };
  }

  private void ask(DeviceClock clock, Instant at) throws Exception {
    clock.ask(answering(at, DIRECTOR, nonce -> nonce), TRUST);
  }

  @Test
  void followsASystemClockThatNothingSpeaksAgainst() {
    DeviceClock clock = open();

    assertThat(clock.instant()).isEqualTo(TRUE);
    pass(Duration.ofDays(3));
    assertThat(clock.instant()).isEqualTo(TRUE.plus(Duration.ofDays(3)));
    assertThat(clock.isDoubtful()).isFalse();
  }

  @Test
  void neverGoesBelowTheTimeThisProgramWasBuilt() {
    system = Instant.EPOCH;
    DeviceClock clock = open();

    assertThat(clock.instant()).isEqualTo(BUILT);
    assertThat(clock.isDoubtful()).isTrue();
    assertThat(clock.reading().corrected()).isEqualTo(Duration.between(Instant.EPOCH, BUILT));
  }

  @Test
  void withoutABatteryGoesOnFromTheNewestSignedTimeAndTicks() {
    open().passed(TRUE, "snapshot");
    system = Instant.EPOCH;
    DeviceClock restarted = open();

    assertThat(restarted.instant()).isBetween(TRUE.minus(SLACK), TRUE);
    pass(Duration.ofHours(5));
    assertThat(restarted.instant())
        .isBetween(TRUE.plus(Duration.ofHours(5)).minusSeconds(3), TRUE.plus(Duration.ofHours(5)));
  }

  @Test
  void writesTheFloorOnceAnHourSoThatItSurvivesRestarts() {
    system = Instant.EPOCH;
    DeviceClock clock = open();
    clock.tick();
    assertThat(folder.resolve("time-floor")).doesNotExist();

    pass(DeviceClock.WRITTEN_EVERY);
    clock.tick();

    system = Instant.EPOCH;
    assertThat(open().instant()).isAfter(BUILT.plus(Duration.ofMinutes(59)));
  }

  @Test
  void tenYearsAheadLeaveNothingBehindOnceTheClockIsRight() throws Exception {
    system = TRUE.plus(TEN_YEARS);
    DeviceClock clock = open();
    assertThat(clock.instant()).isEqualTo(TRUE.plus(TEN_YEARS));
    pass(Duration.ofHours(2));
    clock.tick();

    system = TRUE;
    assertThat(clock.instant()).isEqualTo(TRUE);
    assertThat(open().instant()).isEqualTo(TRUE);
  }

  @Test
  void believesASignedAnswerInsteadOfAWrongClock() throws Exception {
    system = TRUE.plus(TEN_YEARS);
    DeviceClock clock = open();

    ask(clock, TRUE);

    assertThat(clock.instant()).isEqualTo(TRUE);
    assertThat(clock.reading().corrected()).isEqualTo(TEN_YEARS.negated());
    pass(Duration.ofDays(40));
    assertThat(clock.instant()).isEqualTo(TRUE.plus(Duration.ofDays(40)));
  }

  @Test
  void aJumpOfTheSystemClockAfterASignedAnswerIsSeenAndHasNoEffect() throws Exception {
    DeviceClock clock = open();
    ask(clock, TRUE);

    system = TRUE.plus(TEN_YEARS);
    assertThat(clock.instant()).isEqualTo(TRUE);
    assertThat(clock.isDoubtful()).isTrue();
    system = Instant.EPOCH;
    assertThat(clock.instant()).isEqualTo(TRUE);
    system = TRUE.plusSeconds(30);
    assertThat(clock.instant()).isEqualTo(system);
    assertThat(clock.isDoubtful()).isFalse();
  }

  @Test
  void aJumpBackIsSeenWithoutAnyAnswer() {
    DeviceClock clock = open();
    pass(Duration.ofDays(1));

    system = TRUE.minus(Duration.ofDays(30));

    assertThat(clock.isDoubtful()).isTrue();
    assertThat(clock.instant()).isAfterOrEqualTo(BUILT);
  }

  @Test
  void refusesAnAnswerByAnotherKeyForAnotherQuestionOrTooLate() {
    system = TRUE.plus(TEN_YEARS);
    DeviceClock clock = open();

    assertThatThrownBy(
            () -> clock.ask(answering(TRUE, SigningKey.generate(), nonce -> nonce), TRUST))
        .isInstanceOf(SignatureInvalidException.class);
    assertThatThrownBy(() -> clock.ask(answering(TRUE, DIRECTOR, nonce -> "00".repeat(16)), TRUST))
        .isInstanceOf(SignatureInvalidException.class)
        .hasMessageContaining("another question");
    DeviceClock.Question right = answering(TRUE, DIRECTOR, nonce -> nonce);
    assertThatThrownBy(
            () ->
                clock.ask(
                    nonce -> {
                      pass(DeviceClock.ANSWER_WITHIN.plusMillis(1));
                      return right.ask(nonce);
                    },
                    TRUST))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("at most 10 s");
    assertThatThrownBy(() -> clock.ask(nonce -> new byte[SignedTime.BYTES_MAX + 1], TRUST))
        .isInstanceOf(SignatureInvalidException.class);
    assertThat(clock.instant()).isEqualTo(system);
  }

  @Test
  void startsWithADamagedFloor() throws Exception {
    open().passed(TRUE, "snapshot");
    Files.writeString(folder.resolve("time-floor"), "garbage");
    Files.deleteIfExists(folder.resolve("time-floor.before"));
    system = Instant.EPOCH;

    assertThat(open().instant()).isEqualTo(BUILT);
  }

  @Test
  void whatAStolenKeySignedIsForgottenWhenItsRoleGetsOtherKeys() {
    DeviceClock clock = open();
    clock.passed(TRUE.minus(Duration.ofDays(1)), "director");
    clock.passed(TRUE.plus(TEN_YEARS), "stolen");
    assertThat(clock.instant()).isEqualTo(TRUE.plus(TEN_YEARS));
    DeviceClock restarted = open();
    assertThat(restarted.instant()).isEqualTo(TRUE.plus(TEN_YEARS));

    restarted.believe(Set.of("director", "new"));

    assertThat(restarted.instant()).isEqualTo(TRUE);
    assertThat(open().instant()).isEqualTo(TRUE);
    system = Instant.EPOCH;
    assertThat(open().instant()).isEqualTo(TRUE.minus(Duration.ofDays(1)));
  }

  @Test
  void anAnswerToItsOwnQuestionOutranksASignedTimeOfTheFuture() throws Exception {
    DeviceClock clock = open();
    clock.passed(TRUE.plus(TEN_YEARS), "stolen");

    ask(clock, TRUE);

    assertThat(clock.instant()).isEqualTo(TRUE);
    clock.passed(TRUE.plus(TEN_YEARS), "stolen");
    assertThat(clock.instant()).isEqualTo(TRUE);
    assertThat(open().instant()).isEqualTo(TRUE);
  }

  @Test
  void aProofByADirectorThatWasRotatedAwayCountsNoLonger() throws Exception {
    DeviceClock clock = open();
    ask(clock, TRUE.plus(TEN_YEARS));
    assertThat(clock.instant()).isEqualTo(TRUE.plus(TEN_YEARS));

    clock.believe(Set.of("another"));

    assertThat(clock.instant()).isEqualTo(TRUE);
  }

  @Test
  void readsTheFloorOfAnAgentThatKeptNoSigners() throws Exception {
    DurableFile.write(
        Disk.local(),
        folder.resolve("time-floor"),
        TRUE.toString().getBytes(StandardCharsets.US_ASCII));
    system = Instant.EPOCH;

    assertThat(open().instant()).isEqualTo(TRUE);
  }
}
