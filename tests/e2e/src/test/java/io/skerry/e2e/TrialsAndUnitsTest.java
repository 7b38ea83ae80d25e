package io.skerry.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.api.ActRequest;
import io.skerry.api.Rollout;
import io.skerry.api.RolloutRequest;
import io.skerry.api.client.SkerryClient;
import io.skerry.api.client.SkerryException;
import io.skerry.e2e.scene.Artifact;
import io.skerry.e2e.scene.Await;
import io.skerry.e2e.scene.Lab;
import io.skerry.e2e.scene.Scene;
import io.skerry.e2e.scene.TinyArtifacts;
import io.skerry.e2e.scene.TinyModels;
import io.skerry.protocol.ModelName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A trial and a unit, from the request to what three real agents serve. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class TrialsAndUnitsTest {
  private static final int DEVICES = 3;
  private static final ModelName SECOND = new ModelName("tiny-second");

  private final List<Scene> scenes = new ArrayList<>();
  private @Nullable Path folder;
  private @Nullable Lab lab;

  @BeforeAll
  void start() throws Exception {
    // Short: sockets lie in it, and a socket's path may have 107 bytes.
    Path made = Files.createTempDirectory("skt");
    folder = made;
    Lab opened = Lab.open(made);
    lab = opened;
    try (ExecutorService together = Executors.newFixedThreadPool(DEVICES)) {
      Callable<Scene> device = () -> Scene.open(opened, "device");
      List<Future<Scene>> opening = new ArrayList<>();
      for (int i = 0; i < DEVICES; i++) {
        opening.add(together.submit(device));
      }
      for (Future<Scene> one : opening) {
        scenes.add(one.get());
      }
    }
  }

  @AfterAll
  void end() throws IOException {
    scenes.forEach(Scene::close);
    if (lab != null) {
      lab.close();
    }
    if (folder != null) {
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  private Lab lab() {
    if (lab == null) {
      throw new IllegalStateException("not started");
    }
    return lab;
  }

  @ParameterizedTest
  @ValueSource(strings = {"AB", "SHADOW"})
  @Order(1)
  void aTrialComesToItsVerdictAndTheVersionIsPromoted(String kind) throws Exception {
    Artifact tried = lab().released(TinyArtifacts.MODEL, TinyModels::good);

    List<Long> changes = scenes.stream().map(scene -> scene.application().changes()).toList();

    Rollout trial = begin(tried, kind, null);
    await(trial, "its end", () -> stands(trial).ended());

    Rollout ended = stands(trial);
    assertThat(ended.state()).isEqualTo("SUCCEEDED");
    assertThat(ended.stages().getFirst().verdict()).isEqualTo("PASS");
    assertThat(ended.stages().getFirst().gates())
        .filteredOn(gate -> gate.gate().equals("failed-predictions"))
        .isNotEmpty()
        .allMatch(gate -> gate.verdict().equals("PASS"));
    for (Scene scene : scenes) {
      scene.expect(tried);
      scene.awaitCommitted();
      await(trial, "the trial's end", () -> scene.running("main-trial") == 0);
      long changed = scene.application().changes() - changes.get(scenes.indexOf(scene));
      if (kind.equals("AB")) {
        assertThat(changed).as("both versions answered").isGreaterThan(10);
      } else {
        assertThat(changed).as("nobody heard the version before it was promoted").isEqualTo(1);
      }
      assertThat(scene.application().failed()).as(scene.state()).isZero();
    }
  }

  /** The first model fails where inputs are large: on one device, and only once it serves. */
  @Test
  @Order(2)
  void aUnitChangesWhollyOrNotAtAllOnEachDevice() throws Exception {
    Artifact first = lab().released(TinyArtifacts.MODEL, TinyModels::notANumberFrom100);
    Artifact second = lab().released(SECOND, TinyModels::good);
    Scene failing = scenes.getFirst();
    List<Scene> others = scenes.subList(1, DEVICES);
    long before = failing.expected().version();
    failing.application().inputsFrom(200);

    Rollout unit =
        begin(
            first,
            null,
            List.of(new RolloutRequest.PartRequest("second", SECOND.value(), second.version())));

    for (Scene scene : others) {
      scene.expect(first);
      scene.awaitCommitted();
      await(unit, "the second part", () -> scene.running("second") == second.version());
    }
    await(
        unit,
        "two that run it and one that does not",
        () -> stands(unit).stages().getFirst().committed() == 2 && failedDevices(unit) == 1);
    await(unit, "no second part", () -> failing.running("second") == 0);
    assertThat(failing.running()).isEqualTo(before);

    await(unit, "that nothing changes meanwhile", () -> isRolledBack(unit));
    await(unit, "its end", () -> stands(unit).ended());
    assertThat(stands(unit).state()).isEqualTo("ROLLED_BACK");
    for (Scene scene : scenes) {
      await(unit, "the version before", () -> scene.running() == before);
      await(unit, "no second part", () -> scene.running("second") == 0);
    }
    for (Scene scene : others) {
      assertThat(scene.application().failed()).as(scene.state()).isZero();
    }
  }

  private SkerryClient client() {
    return lab().plane().server().client();
  }

  private boolean isRolledBack(Rollout rollout) {
    try {
      client()
          .postIfMatch(
              "/v1/rollouts/" + rollout.id() + "/rollback",
              new ActRequest("one fails"),
              stands(rollout).revision(),
              Rollout.class);
      return true;
    } catch (SkerryException e) {
      assertThat(e).hasMessageContaining("read it again");
      return false;
    }
  }

  private int failedDevices(Rollout rollout) {
    return stands(rollout).stages().getFirst().failed();
  }

  private Rollout begin(
      Artifact artifact, @Nullable String kind, @Nullable List<RolloutRequest.PartRequest> parts) {
    RolloutRequest request =
        new RolloutRequest(
            TinyArtifacts.MODEL.value(),
            artifact.version(),
            null,
            parts,
            kind,
            kind == null ? null : .5,
            null,
            List.of(RolloutRequest.StageRequest.ofPercent(100)),
            null,
            null,
            2,
            1000,
            null,
            null,
            null,
            null,
            null,
            "PAUSE",
            gates(),
            null,
            null,
            null);
    return client().post("/v1/rollouts", request, Rollout.class);
  }

  private static List<RolloutRequest.GateRequest> gates() {
    return List.of(gate("failed-predictions", .2), gate("latency-p99", .9), gate("accuracy", .2));
  }

  // A minute of three devices rules no harm out.
  private static RolloutRequest.GateRequest gate(String metric, double tolerance) {
    return new RolloutRequest.GateRequest(metric, tolerance, null, "NO_HARM_SHOWN", "PAUSE", null);
  }

  private Rollout stands(Rollout rollout) {
    return client().get("/v1/rollouts/" + rollout.id(), Rollout.class);
  }

  private void await(Rollout rollout, String what, Await.Condition condition) throws Exception {
    Await.until(
        Scene.PATIENCE,
        what,
        condition,
        () -> stands(rollout) + " " + scenes.stream().map(Scene::state).toList());
  }
}
