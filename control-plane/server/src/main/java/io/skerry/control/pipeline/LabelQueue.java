package io.skerry.control.pipeline;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.Incident;
import io.skerry.api.LabelRequest;
import io.skerry.control.dataset.Labelling;
import io.skerry.control.drift.IncidentOpened;
import io.skerry.control.drift.Incidents;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Has the predictions labelled that an incident touches. */
@Singleton
final class LabelQueue {
  static final int PER_INCIDENT = 200;
  private static final Duration FILL_EVERY = Duration.ofMinutes(2);
  private static final Duration LATE = Duration.ofHours(1);
  private static final Duration ALL_EVERY = Duration.ofDays(1);
  private static final Duration LOOK_BACK = Duration.ofDays(30);
  private static final Logger log = LoggerFactory.getLogger(LabelQueue.class);

  private final Labelling labelling;
  private final Incidents incidents;
  private final Map<String, Looks> looks = new HashMap<>();
  private @Nullable Loop loop;

  /** When samples were looked for last, and when for all since the onset. */
  private record Looks(Instant last, Instant ofAll) {
    static final Looks NEVER = new Looks(Instant.EPOCH, Instant.EPOCH);
  }

  LabelQueue(Labelling labelling, Incidents incidents) {
    this.labelling = labelling;
    this.incidents = incidents;
  }

  @EventListener
  void start(ServerReady ready) {
    loop = Loop.every("label-queue", FILL_EVERY, this::fill);
  }

  @PreDestroy
  void end() {
    if (loop != null) {
      loop.close();
    }
  }

  /**
   * Queues what came since the last time for every open incident: when one opens, most of its
   * samples are on their way, and only from then on its devices send more of them. What is
   * predicted over an hour before the last look is looked at once a day: there may be millions
   * since an onset.
   */
  void fill() {
    fill(Instant.now());
  }

  synchronized void fill(Instant now) {
    int stale = labelling.removeStale();
    if (stale > 0) {
      log.atInfo()
          .addKeyValue("tasks", stale)
          .log("label tasks removed that nobody needs any more");
    }
    Set<String> open = new HashSet<>();
    incidents.forEachOpen(
        incident -> {
          open.add(incident.id());
          Looks before = looks.getOrDefault(incident.id(), Looks.NEVER);
          boolean isOfAll = !now.isBefore(before.ofAll().plus(ALL_EVERY));
          if (fill(incident, isOfAll ? Instant.EPOCH : before.last().minus(LATE))) {
            looks.put(incident.id(), new Looks(now, isOfAll ? now : before.ofAll()));
          }
        });
    looks.keySet().retainAll(open);
  }

  @EventListener
  void onOpened(IncidentOpened event) {
    event.transaction().afterCommit(() -> fill(event.incident(), Instant.EPOCH));
  }

  // Whether it was looked: where too many are open, later.
  private boolean fill(Incident incident, Instant from) {
    Instant onset = incidents.onset(incident.id()).orElse(incident.openedAt());
    OptionalInt queued =
        labelling.fill(
            new Labelling.Wanted(
                incident.model(),
                incident.cohort(),
                onset.isAfter(from) ? onset : from,
                PER_INCIDENT,
                incident.id(),
                version -> incidents.positiveFrom(incident.model(), version)));
    if (queued.orElse(0) > 0) {
      log.atInfo()
          .addKeyValue("incident", incident.id())
          .addKeyValue("predictions", queued.getAsInt())
          .log("queued for labelling");
    }
    return queued.isPresent();
  }

  int add(LabelRequest request) {
    if (request.count() < 1 || request.count() > Labelling.AT_ONCE_MAX) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "count is %d: must be 1 to %d".formatted(request.count(), Labelling.AT_ONCE_MAX));
    }
    String cohort = request.cohort() == null ? "" : request.cohort();
    return labelling.queue(
        new Labelling.Wanted(
            request.model(),
            cohort,
            Instant.now().minus(LOOK_BACK),
            request.count(),
            request.reason(),
            version -> incidents.positiveFrom(request.model(), version)));
  }
}
