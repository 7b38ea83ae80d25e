package io.skerry.control.drift;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.device.DesiredService;
import io.skerry.control.device.SamplingRule;
import io.skerry.control.drift.IncidentStore.Stored;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.sql.Database;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.SlotId;
import io.skerry.telemetry.drift.Cohort;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets the devices of an open incident's cohort send more samples, and takes that back when it has
 * ended.
 *
 * <p>It compares what holds with what was ordered, again and again: an incident that opens or ends,
 * a device that comes into a cohort or leaves it, a rollout, a restart all come to the same. What a
 * device may send in a day bounds it there.
 */
@Singleton
final class CohortSampling {
  private static final Logger log = LoggerFactory.getLogger(CohortSampling.class);
  private static final Duration EVERY = Duration.ofSeconds(5);
  private static final int DEVICES_AT_ONCE = 500;

  private final Database database;
  private final DesiredService desired;
  private @Nullable Loop loop;

  CohortSampling(Database database, DesiredService desired) {
    this.database = database;
    this.desired = desired;
  }

  @EventListener
  void onReady(ServerReady ready) {
    loop = Loop.every("cohort-sampling", EVERY, this::settle);
  }

  @PreDestroy
  void close() {
    if (loop != null) {
      loop.close();
    }
  }

  /** Brings every device that is not busy to the rates that the open incidents ask for. */
  void settle() {
    int all = 0;
    int some;
    do {
      some =
          database.<Integer>call(
              transaction ->
                  desired.sample(
                      transaction,
                      IncidentStore.open(transaction).stream().map(CohortSampling::rule).toList(),
                      DEVICES_AT_ONCE));
      all += some;
    } while (some > 0);
    if (all > 0) {
      log.atInfo().addKeyValue("devices", all).log("sampling changed");
    }
  }

  private static SamplingRule rule(Stored stored) {
    Cohort cohort = stored.incident().finding().cohort();
    IncidentStore.Members members = IncidentStore.members(cohort);
    return new SamplingRule(
        new SlotId(stored.track().slot()),
        new ModelName(stored.track().model()),
        members.labels(),
        members.profile(),
        stored.incident().samplingFactor());
  }
}
