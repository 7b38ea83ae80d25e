package io.skerry.agent.observe;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.model.ModelRef;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.wire.fleet.v1.Window;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.Test;

class ReplacedModelsTest {
  private static final ModelRef MODEL =
      new ModelRef(
          new SlotId("main"),
          new ModelVersion(new ModelName("engine-health"), 3),
          Digest.of(new byte[] {3}));

  private final List<Window> sealed = new ArrayList<>();
  private final ReplacedModels replaced = new ReplacedModels();
  private final WatchedModel model = model();

  private static WatchedModel model() {
    DesiredSlot order =
        new DesiredSlot(
            MODEL.slot(),
            1,
            MODEL.version(),
            MODEL.manifest(),
            MODEL.manifest(),
            URI.create("http://127.0.0.1"),
            Optional.empty(),
            new SamplingRates(0, 0),
            Duration.ofSeconds(5),
            1,
            Duration.ofSeconds(1));
    return new WatchedModel(
        MODEL,
        MonitoringPlan.unread(),
        order,
        new byte[32],
        new Semaphore(0),
        DayBytes.forgetful(),
        bytes -> 0,
        () -> 0);
  }

  private void seal() {
    replaced.seal(500_000, sealed::add);
  }

  @Test
  void countsWhatWasUnderWayWhenAnIdleModelWasReplaced() {
    replaced.add(model);
    seal();

    model.beside().skip(2);
    seal();

    assertThat(sealed).singleElement().returns(2L, Window::getSkipped);
  }

  @Test
  void letsGoAtTheSecondLookOfWhatCountsNoMore() {
    model.beside().skip(2);
    replaced.add(model);
    seal();
    seal();

    model.beside().skip(1);
    seal();

    assertThat(sealed).hasSize(1);
  }
}
