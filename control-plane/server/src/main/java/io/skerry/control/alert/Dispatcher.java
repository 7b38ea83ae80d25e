package io.skerry.control.alert;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Delivers alerts until they are taken or given up. A delivery is claimed before it is made, so a
 * server that dies on it makes it again: receivers get an alert at least once, always under the
 * same id. Routes do not wait for each other, not even for one that hangs.
 */
@Singleton
final class Dispatcher {
  private static final Logger log = LoggerFactory.getLogger(Dispatcher.class);
  private static final Duration LOOK_EVERY = Duration.ofSeconds(1);
  private static final Duration LEASE = Duration.ofMinutes(5);
  static final int AT_ONCE_MAX = 100;

  /** After it a route gives back what it has not tried yet: long before the lease ends. */
  static final Duration ROUND = Duration.ofMinutes(1);

  private static final Duration ROUND_MAX = ROUND.multipliedBy(2);

  private final Database database;
  private final AlertRoutes routes;
  private final Map<Route.Kind, Sender> senders;
  private final Clock clock;
  private final Map<String, Round> rounds = new ConcurrentHashMap<>();
  private @Nullable Loop loop;

  /** A route at work. */
  private record Round(Thread thread, Instant since) {}

  @Inject
  Dispatcher(Database database, AlertRoutes routes) {
    this(database, routes, senders(), Clock.systemUTC());
  }

  Dispatcher(Database database, AlertRoutes routes, Map<Route.Kind, Sender> senders, Clock clock) {
    this.database = database;
    this.routes = routes;
    this.senders = Map.copyOf(senders);
    this.clock = clock;
  }

  private static Map<Route.Kind, Sender> senders() {
    HttpSender http = new HttpSender();
    return Map.of(
        Route.Kind.WEBHOOK,
        new WebhookSender(http, Clock.systemUTC()),
        Route.Kind.MAIL,
        new MailSender(),
        Route.Kind.ALERTMANAGER,
        new AlertmanagerSender(http, Clock.systemUTC()));
  }

  @EventListener
  void start(ServerReady ready) {
    loop = Loop.every("alerts", LOOK_EVERY, this::startDue);
  }

  @PreDestroy
  void end() {
    if (loop != null) {
      loop.close();
    }
  }

  /** Delivers what is due, and waits for the answers. */
  void deliverDue() throws InterruptedException {
    for (Thread thread : startDue()) {
      thread.join();
    }
  }

  /** Begins to deliver what is due on the routes that are not still at work. */
  List<Thread> startDue() {
    Instant now = now();
    rounds.values().stream()
        .filter(round -> round.since().plus(ROUND_MAX).isBefore(now))
        .forEach(round -> round.thread().interrupt());
    List<String> atWork = List.copyOf(rounds.keySet());
    Map<String, List<AlertStore.Claimed>> byRoute = new LinkedHashMap<>();
    database
        .call(
            transaction -> {
              AlertStore.resolveCloned(transaction, now);
              wakeHeldBack(transaction, now);
              return AlertStore.claim(transaction, now, LEASE, atWork, AT_ONCE_MAX);
            })
        .forEach(one -> byRoute.computeIfAbsent(one.route(), name -> new ArrayList<>()).add(one));
    List<Thread> threads = new ArrayList<>();
    byRoute.forEach(
        (name, claimed) -> {
          Thread thread =
              Thread.ofVirtual()
                  .name("skerry-alert-" + name)
                  .unstarted(() -> round(name, claimed, now));
          rounds.put(name, new Round(thread, now));
          thread.start();
          threads.add(thread);
        });
    return threads;
  }

  private static void wakeHeldBack(Transaction transaction, Instant now) {
    List<AlertStore.HeldBack> held = AlertStore.heldBack(transaction, now);
    if (held.isEmpty()) {
      return;
    }
    List<Silence> silences = AlertStore.silences(transaction, now);
    List<Long> told = new ArrayList<>();
    for (AlertStore.HeldBack one : held) {
      // What a silence covers now is put off to its end, and does not stand before others.
      Routing.silentUntil(one.alert(), silences, now)
          .ifPresentOrElse(
              until -> AlertStore.silence(transaction, one.delivery(), until),
              () -> told.add(one.delivery()));
    }
    AlertStore.wake(transaction, told, now);
  }

  // What was claimed and not answered is tried again when its lease ends.
  private void round(String name, List<AlertStore.Claimed> claimed, Instant since) {
    try {
      deliver(name, claimed, since);
    } catch (RuntimeException e) {
      log.atError().addKeyValue("route", name).setCause(e).log("alerts could not be delivered");
    } finally {
      rounds.remove(name);
    }
  }

  private void deliver(String name, List<AlertStore.Claimed> claimed, Instant since) {
    Optional<Route> found = routes.opened(name);
    if (found.isEmpty()) {
      return;
    }
    Route route = found.get();
    Sender sender = senders.get(route.kind());
    if (sender == null) {
      throw new IllegalStateException("nobody speaks " + route.kind());
    }
    if (sender.isGrouping()) {
      send(sender, route, claimed);
      return;
    }
    for (int i = 0; i < claimed.size(); i++) {
      if (now().isAfter(since.plus(ROUND))) {
        List<AlertStore.Claimed> left = claimed.subList(i, claimed.size());
        database.run(transaction -> AlertStore.giveBack(transaction, left, now()));
        return;
      }
      send(sender, route, List.of(claimed.get(i)));
    }
  }

  private void send(Sender sender, Route route, List<AlertStore.Claimed> claimed) {
    Routing.Answer answer =
        sender.send(route, claimed.stream().map(AlertStore.Claimed::alert).toList());
    if (Thread.interrupted()) {
      log.atWarn().addKeyValue("route", route.name()).log("receiver took too long, cut off");
    }
    for (AlertStore.Claimed one : claimed) {
      Routing.After after = Routing.after(answer, one.alert(), route.kind(), one.attempts(), now());
      database.run(
          transaction -> AlertStore.answered(transaction, one.id(), after, answer.text(), now()));
      if (after.state() == Routing.State.GIVEN_UP) {
        log.atError()
            .addKeyValue("alert", one.alert().eventId())
            .addKeyValue("route", route.name())
            .addKeyValue("answer", answer.text())
            .log("alert could not be delivered");
      }
    }
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }
}
