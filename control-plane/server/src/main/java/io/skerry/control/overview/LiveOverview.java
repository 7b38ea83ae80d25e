package io.skerry.control.overview;

import io.micronaut.http.sse.Event;
import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.Overview;
import io.skerry.control.host.ServerReady;
import io.skerry.control.page.StaticTemplates;
import io.skerry.control.page.Templates;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.reactivestreams.Publisher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Sinks;

/**
 * Gathers the overview once a second while somebody looks, and tells browsers which parts of the
 * page have changed. All browsers share one gathering.
 */
@Singleton
final class LiveOverview {
  /** Browsers that may listen at a time. */
  static final int LISTENERS_MAX = 200;

  private static final Logger log = LoggerFactory.getLogger(LiveOverview.class);
  private static final Duration EVERY = Duration.ofSeconds(1);

  private final OverviewSource source;
  private final Templates templates = new StaticTemplates();
  private final Sinks.Many<Event<String>> events = Sinks.many().multicast().directBestEffort();
  private final ScheduledExecutorService clockwork =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("overview").daemon().factory());
  private volatile Map<Part, String> rendered = Map.of();

  LiveOverview(OverviewSource source) {
    this.source = source;
  }

  /** Names of changed parts, and a sign of life each second. */
  Publisher<Event<String>> events() {
    Event<String> hello = Event.of("").name("alive");
    return Flux.concat(Flux.just(hello), events.asFlux());
  }

  boolean isFull() {
    return events.currentSubscriberCount() >= LISTENERS_MAX;
  }

  /** A part as it is now. */
  String part(Part part) {
    String known = rendered.get(part);
    // With nobody listening nothing is gathered: what is known may be old.
    return known == null || events.currentSubscriberCount() == 0
        ? part.render(templates, source.now())
        : known;
  }

  /** The whole page as it is now. */
  String page(String actor) {
    return templates.overview(source.now(), actor).render();
  }

  /** The way in. */
  String login(String problem) {
    return templates.login(problem).render();
  }

  @EventListener
  void onReady(ServerReady ready) {
    // What it throws is caught and told where it runs.
    var unused =
        clockwork.scheduleWithFixedDelay(
            this::look, EVERY.toMillis(), EVERY.toMillis(), TimeUnit.MILLISECONDS);
  }

  @PreDestroy
  void close() {
    clockwork.shutdownNow();
    events.tryEmitComplete();
  }

  private void look() {
    if (events.currentSubscriberCount() == 0) {
      return;
    }
    try {
      Overview overview = source.now();
      Map<Part, String> before = rendered;
      Map<Part, String> now = new EnumMap<>(Part.class);
      for (Part part : Part.values()) {
        now.put(part, part.render(templates, overview));
      }
      rendered = now;
      events.tryEmitNext(Event.of(overview.at().toString()).name("alive"));
      now.forEach(
          (part, text) -> {
            if (!text.equals(before.get(part))) {
              events.tryEmitNext(Event.of(part.wireName()).name("part"));
            }
          });
    } catch (RuntimeException e) {
      // The page keeps what it shows and says how old it is.
      log.atWarn().setCause(e).log("overview could not be gathered");
    }
  }
}
