package io.skerry.control.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.rollout.Census;
import io.skerry.fleet.rollout.RolloutEvent;
import java.time.Instant;
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
}
