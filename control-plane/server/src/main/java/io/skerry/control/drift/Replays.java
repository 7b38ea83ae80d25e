package io.skerry.control.drift;

import io.skerry.control.drift.DriftStore.Judged;
import io.skerry.control.drift.DriftStore.Release;
import io.skerry.control.sql.Transaction;
import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.DriftLedger;
import io.skerry.telemetry.drift.WindowVerdict;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes a track's ledger again from what is stored: states of it, and the windows since. */
final class Replays {
  private static final Logger log = LoggerFactory.getLogger(Replays.class);

  private final WindowReader reader;
  private final Monitoring monitoring;

  Replays(WindowReader reader, Monitoring monitoring) {
    this.reader = reader;
    this.monitoring = monitoring;
  }

  // From the newest state that is stored and knows of no other past, or from the first window.
  Replayed goOn(Transaction transaction, Track track, long judgedThrough, List<Release> releases) {
    for (Snapshots.Snapshot one : Snapshots.upTo(transaction, track, judgedThrough)) {
      Optional<Replayed> restored = restored(transaction, track, one);
      if (restored.isPresent() && restored.get().takesOver(releases)) {
        return restored.get();
      }
    }
    return new Replayed(track);
  }

  private Optional<Replayed> restored(
      Transaction transaction, Track track, Snapshots.Snapshot snapshot) {
    Replayed replayed = new Replayed(track);
    try {
      for (Snapshots.Told told : snapshot.versions()) {
        Optional<Monitoring.Monitored> found = monitoring.of(told.digest());
        if (found.isEmpty()) {
          return Optional.empty();
        }
        replayed.ledger.register(told.of(track), found.get().streams());
        replayed.told.add(told);
      }
      replayed.ledger.read(Snapshots.parts(transaction, track, snapshot.through()));
    } catch (IllegalArgumentException | IllegalStateException e) {
      log.atWarn()
          .addKeyValue("slot", track.slot())
          .addKeyValue("model", track.model())
          .addKeyValue("window", snapshot.through())
          .setCause(e)
          .log("a stored state of drift is left out: windows are judged again");
      return Optional.empty();
    }
    replayed.through = snapshot.through();
    replayed.released.addAll(snapshot.releases());
    replayed.gone = snapshot.madeAt();
    return Optional.of(replayed);
  }

  /** Judges once more what was judged since. */
  void catchUp(Transaction transaction, Track track, Replayed replayed, List<Release> releases) {
    for (Judged judged : DriftStore.judgedAfter(transaction, track, replayed.through)) {
      replay(transaction, track, replayed, releases, judged);
    }
  }

  private WindowVerdict replay(
      Transaction transaction,
      Track track,
      Replayed replayed,
      List<Release> releases,
      Judged judged) {
    WindowReader.Window read =
        reader.withOutcomes(transaction, track, judged.window(), judged.receivedUntil());
    WindowReader.Late late =
        judged
            .before()
            .filter(before -> judged.late().isPresent())
            .map(
                before ->
                    reader.late(
                        transaction, track, judged.window(), before, judged.receivedUntil()))
            .orElse(WindowReader.Late.NONE);
    replayed.whole &= judged.isWhole(read, late);
    register(replayed, read);
    WindowVerdict verdict = replayed.ledger.judge(judged.window(), read.devices(), late.windows());
    // Found now, but not by the build that judged it: nobody was told, so it may be found again.
    verdict
        .found()
        .map(DriftFinding::cohort)
        .filter(cohort -> !DriftStore.isTold(transaction, track, cohort, judged.window()))
        .ifPresent(cohort -> replayed.ledger.release(cohort, false));
    for (Release release : releases) {
      if (release.after() == judged.window()) {
        replayed.release(release);
      }
    }
    replayed.through = judged.window();
    replayed.sinceSnapshot++;
    return verdict;
  }

  /** What became of judging a window once more. */
  sealed interface Again {
    /**
     * It was judged.
     *
     * @param ledger as it was then
     */
    record Done(WindowVerdict verdict, DriftLedger ledger) implements Again {}

    /** Something of it is gone, or of the windows before, by which its baselines were learned. */
    record Gone() implements Again {}

    /**
     * It would take too long.
     *
     * @param windows of devices since the newest state that is stored
     */
    record TooMuch(long windows) implements Again {}

    /** What it came to, if it was judged. */
    default Optional<Done> done() {
      return this instanceof Done done ? Optional.of(done) : Optional.empty();
    }
  }

  /** A window judged once more from what is stored. */
  Again judgeAgain(Transaction transaction, Track track, long window) {
    // Who resolved an incident after this window was judged had no part in it.
    List<Release> releases =
        DriftStore.releases(transaction, track).stream()
            .filter(release -> release.after() < window || !release.relearn())
            .toList();
    Replayed replayed = goOn(transaction, track, window - 1, releases);
    if (!DriftStore.isWhole(transaction, track, replayed.through)) {
      return new Again.Gone();
    }
    long windows = DriftStore.deviceWindows(transaction, track, replayed.through, window);
    if (windows > DriftStore.AGAIN_WINDOWS_MAX) {
      return new Again.TooMuch(windows);
    }
    Optional<WindowVerdict> last = Optional.empty();
    for (Judged judged : DriftStore.judgedAfter(transaction, track, replayed.through)) {
      if (judged.window() > window) {
        break;
      }
      last = Optional.of(replay(transaction, track, replayed, releases, judged));
    }
    return last.filter(verdict -> replayed.whole && verdict.window() == window)
        .<Again>map(verdict -> new Again.Done(verdict, replayed.ledger))
        .orElseGet(Again.Gone::new);
  }

  /** Tells the ledger of versions that it meets for the first time. */
  void register(Replayed replayed, WindowReader.Window read) {
    read.manifests().entrySet().stream()
        .filter(entry -> !replayed.ledger.knows(entry.getKey()))
        .sorted(Comparator.comparingLong(entry -> entry.getKey().version()))
        .forEach(
            entry ->
                monitoring
                    .of(entry.getValue())
                    .ifPresent(
                        found -> {
                          replayed.ledger.register(entry.getKey(), found.streams());
                          replayed.told.add(
                              new Snapshots.Told(
                                  entry.getKey().version(), entry.getValue().toString()));
                        }));
  }
}
