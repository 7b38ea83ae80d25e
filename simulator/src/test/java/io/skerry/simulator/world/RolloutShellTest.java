package io.skerry.simulator.world;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.DeviceStatus;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SamplingRates;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

/** An order that nobody begins is late after 30 minutes of the device's own time. */
class RolloutShellTest {
  private static final DeviceId DEVICE = new DeviceId("pump-1");

  private final MemoryStore store = new MemoryStore(SimDevice.TENANT);
  private final Releases releases = new Releases();
  private final RolloutShell shell =
      new RolloutShell(
          store, releases, device -> Hardware.GATEWAY.described(), new SamplingRates(.1, .8));
  private Instant now = Instant.ofEpochMilli(World.BEGIN);

  @Test
  void aDeviceThatReconnectsOftenIsLateToo() {
    Rollout rollout = offered();

    for (int times = 0; times < 2; times++) {
      here(Duration.ofMinutes(12));
      away(Duration.ofMinutes(1));
    }
    assertThat(state(rollout)).isEqualTo(DeploymentState.OFFERED);
    here(Duration.ofMinutes(12));

    assertThat(state(rollout)).isEqualTo(DeploymentState.NOT_REACHED);
  }

  @Test
  void theTimeThatADeviceIsAwayIsNotItsOwn() {
    Rollout rollout = offered();

    here(Duration.ofMinutes(12));
    away(Duration.ofDays(1));
    here(Duration.ofMinutes(12));

    assertThat(state(rollout)).isEqualTo(DeploymentState.OFFERED);
  }

  @Test
  void timeInWhichNobodyListenedIsNotItsOwn() {
    Rollout rollout = offered();

    for (int times = 0; times < 2; times++) {
      here(Duration.ofMinutes(12));
      now = now.plus(Duration.ofHours(5));
      shell.listens(now);
      here(Duration.ZERO);
    }
    assertThat(state(rollout)).isEqualTo(DeploymentState.OFFERED);
    here(Duration.ofMinutes(12));

    assertThat(state(rollout)).isEqualTo(DeploymentState.NOT_REACHED);
  }

  @Test
  void whoLeftWhileNobodyListenedWasHeardUntilThen() {
    Rollout rollout = offered();

    here(Duration.ofMinutes(12));
    now = now.plus(Duration.ofHours(5));
    online(false);
    shell.left(DEVICE, now);
    shell.listens(now);
    now = now.plus(Duration.ofMinutes(1));
    online(true);
    shell.returned(DEVICE, now);
    here(Duration.ofMinutes(12));

    assertThat(state(rollout)).isEqualTo(DeploymentState.OFFERED);
  }

  private Rollout offered() {
    ModelVersion version = new ModelVersion(Releases.MODEL, 1);
    releases.release(version, Releases.Behaviour.GOOD);
    store.enroll(DEVICE);
    online(true);
    Rollout rollout =
        shell.start(
            new RolloutShell.Wish(
                new RolloutKind.Replace(),
                List.of(new RolloutPart(RolloutShell.SLOT, version)),
                List.of(100),
                false,
                Duration.ofMinutes(5),
                Duration.ofDays(1)),
            GateAction.PAUSE,
            now);
    here(Duration.ZERO);
    assertThat(state(rollout)).isEqualTo(DeploymentState.OFFERED);
    return rollout;
  }

  private void here(Duration time) {
    now = now.plus(time);
    shell.tick("a", Instant.EPOCH, now);
  }

  private void away(Duration time) {
    online(false);
    shell.left(DEVICE, now);
    now = now.plus(time);
    online(true);
    shell.returned(DEVICE, now);
  }

  private void online(boolean online) {
    store.status(DEVICE, new DeviceStatus(online, 1, now, "one"), now);
  }

  private static DeploymentState state(Rollout rollout) {
    return rollout.deployments.values().iterator().next().state;
  }
}
