package io.skerry.control.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import io.skerry.fleet.gate.ArmSums;
import io.skerry.fleet.gate.Comparison;
import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.gate.Metric;
import io.skerry.fleet.rollout.Census;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.SlotId;
import java.time.Instant;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

class RolloutCodecTest {
  @Test
  void readsEventsThatWereKeptBeforeTheyToldSinceWhenDevicesAreHeard() {
    RolloutEvent event = new RolloutEvent.Observed(Census.NONE, Evidence.NONE, Instant.EPOCH);
    JsonObject kept =
        RolloutCodec.GSON.fromJson(RolloutCodec.write(event, RolloutEvent.class), JsonObject.class);

    assertThat(kept.remove("heardSince")).isNotNull();

    assertThat(RolloutCodec.GSON.fromJson(kept, RolloutEvent.class)).isEqualTo(event);
  }

  @Test
  void readsEvidenceThatWasKeptWhenPartsWereSummed() {
    Evidence evidence = new Evidence(Map.of(), OptionalDouble.of(.9));
    JsonObject kept =
        RolloutCodec.GSON.fromJson(RolloutCodec.write(evidence, Evidence.class), JsonObject.class);

    assertThat(kept.remove("parts")).isNotNull();

    assertThat(RolloutCodec.GSON.fromJson(kept, Evidence.class)).isEqualTo(evidence);
  }

  @Test
  void readsEvidenceOfPartsAsItWasWritten() {
    Evidence unit =
        Evidence.of(
            Map.of(
                new SlotId("eyes"),
                new Evidence(
                    Map.of(
                        new ProfileId("edge"),
                        new Evidence.OfProfile(
                            Map.of(
                                Metric.ACCURACY,
                                new Comparison(ArmSums.NONE.plus(100, 91), ArmSums.NONE)))),
                    OptionalDouble.of(.9)),
                new SlotId("ears"),
                Evidence.NONE));

    assertThat(RolloutCodec.GSON.fromJson(RolloutCodec.write(unit, Evidence.class), Evidence.class))
        .isEqualTo(unit);
  }
}
