package io.skerry.simulator.world;

import io.skerry.fleet.incident.Incident;
import io.skerry.fleet.incident.IncidentEvent;
import io.skerry.fleet.incident.IncidentMachine;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.drift.DeviceWindow;
import io.skerry.telemetry.drift.DriftLedger;
import io.skerry.telemetry.drift.DriftSettings;
import io.skerry.telemetry.drift.LateWindow;
import io.skerry.telemetry.drift.WindowVerdict;
import io.skerry.telemetry.sketch.WindowCounts;
import io.skerry.wire.fleet.v1.Feedback;
import io.skerry.wire.fleet.v1.Window;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;

/** Judges windows with the real ledger, in their order, once their records had time to arrive. */
final class DriftShell {
  /** Windows of devices that are kept: beyond it nothing is judged a second time any more. */
  static final long HISTORY_DEVICES_MAX = 20_000;

  /** Late windows of a device that are judged with one window. */
  private static final int LATE_OF_DEVICE_MAX = 8;

  private final Releases releases;
  private final Function<DeviceId, Map<String, String>> attributes;
  private final TreeMap<Long, Map<DeviceId, List<Part>>> waiting = new TreeMap<>();
  // Of windows that were judged already.
  private final TreeMap<Long, Map<DeviceId, List<Part>>> tooLate = new TreeMap<>();
  private final TreeMap<Long, Map<DeviceId, Known>> known = new TreeMap<>();
  private final List<Incident> incidents = new ArrayList<>();
  // Kept only while it is little enough to judge everything a second time with every start.
  private final List<Judged> history = new ArrayList<>();
  private long historyDevices;
  private boolean keeping;
  private final DriftSettings settings;
  private DriftLedger ledger;
  private long judgedThrough = -1;
  private long late;

  record Judged(
      long window, List<DeviceWindow> devices, List<LateWindow> late, WindowVerdict verdict) {}

  DriftShell(
      Releases releases,
      Function<DeviceId, Map<String, String>> attributes,
      Duration window,
      boolean keeping) {
    this.releases = releases;
    this.attributes = attributes;
    this.keeping = keeping;
    this.settings = DriftSettings.forWindows(window.toMillis());
    this.ledger = new DriftLedger(settings);
  }

  /** Takes a window of the main model: a unit's second one and a trial sees the same values. */
  void stored(DeviceId device, Window window, WindowCounts counts) {
    if (!window.getModel().getSlot().equals(RolloutShell.SLOT.value())) {
      return;
    }
    if (window.getWindow() <= judgedThrough) {
      late++;
    }
    Part.add(
        (window.getWindow() <= judgedThrough ? tooLate : waiting)
            .computeIfAbsent(window.getWindow(), index -> new HashMap<>())
            .computeIfAbsent(device, id -> new ArrayList<>(1)),
        window,
        counts);
  }

  /** What a device counted for one version. */
  private record Part(long version, long answered, WindowCounts counts) {
    // An agent that was started anew sends the rest of the window as a second record.
    static void add(List<Part> parts, Window window, WindowCounts counts) {
      long version = window.getModel().getVersion();
      for (int i = 0; i < parts.size(); i++) {
        if (parts.get(i).version == version) {
          parts.set(i, parts.get(i).plus(window.getPredictions(), counts));
          return;
        }
      }
      parts.add(new Part(version, window.getPredictions(), counts));
    }

    private Part plus(long more, WindowCounts rest) {
      try {
        return new Part(version, answered + more, counts.plus(rest));
      } catch (MalformedDocumentException e) {
        throw new IllegalStateException("a simulated device counted too much", e);
      }
    }

    /** One that switched in the window counts by the version that answered more. */
    static Part chosen(List<Part> parts) {
      Part chosen = parts.getFirst();
      for (Part part : parts) {
        if (part.answered > chosen.answered
            || (part.answered == chosen.answered && part.version > chosen.version)) {
          chosen = part;
        }
      }
      return chosen;
    }
  }

  // As what it is now.
  private DeviceWindow counted(DeviceId device, List<Part> parts) {
    Part part = Part.chosen(parts);
    return new DeviceWindow(
        device,
        attributes.apply(device),
        new ModelVersion(Releases.MODEL, part.version()),
        part.counts());
  }

  /** Takes what became known of a prediction while a window was counted. */
  void outcome(DeviceId device, Feedback outcome, long window) {
    if (outcome.getJoined() && outcome.getModel().getSlot().equals(RolloutShell.SLOT.value())) {
      known
          .computeIfAbsent(window, index -> new HashMap<>())
          .computeIfAbsent(device, id -> new Known())
          .add(outcome);
    }
  }

  /** Of two classes, whose predictions are all as likely to be told of. */
  private static final class Known {
    private final long[][] counts = new long[2][2];
    private long version;

    // Of a version that was replaced meanwhile nothing is judged any more.
    void add(Feedback outcome) {
      if (outcome.getModel().getVersion() != version) {
        version = outcome.getModel().getVersion();
        Arrays.stream(counts).forEach(each -> Arrays.fill(each, 0));
      }
      counts[outcome.getActual() >= .5 ? 1 : 0][outcome.getScore() >= .5 ? 1 : 0]++;
    }

    DeviceWindow with(DeviceWindow window) {
      if (window.version().version() != version) {
        return window;
      }
      long right = counts[0][0] + counts[1][1];
      long wrong = counts[0][1] + counts[1][0];
      return new DeviceWindow(
          window.device(),
          window.attributes(),
          window.version(),
          window.counts(),
          new DeviceWindow.Outcomes(
              right + wrong,
              right,
              wrong,
              List.of((double) counts[0][0] + counts[0][1], (double) counts[1][0] + counts[1][1])));
    }
  }

  /**
   * Judges every window before this one, in their order.
   *
   * @param told of each before the next is judged
   */
  void judgeBefore(long window, Consumer<WindowVerdict> told) {
    while (!waiting.isEmpty() && waiting.firstKey() < window) {
      Map.Entry<Long, Map<DeviceId, List<Part>>> due = waiting.pollFirstEntry();
      Map<DeviceId, Known> outcomes = known.getOrDefault(due.getKey(), Map.of());
      List<DeviceWindow> devices =
          due.getValue().entrySet().stream()
              .map(
                  entry -> {
                    DeviceWindow one = counted(entry.getKey(), entry.getValue());
                    Known of = outcomes.get(one.device());
                    return of == null ? one : of.with(one);
                  })
              .toList();
      known.headMap(due.getKey(), true).clear();
      List<LateWindow> lately = late(due.getKey());
      for (DeviceWindow one : devices) {
        if (!ledger.knows(one.version())) {
          ledger.register(one.version(), releases.watched(one.version()).streams());
        }
      }
      WindowVerdict verdict = ledger.judge(due.getKey(), devices, lately);
      judgedThrough = due.getKey();
      keep(new Judged(due.getKey(), devices, lately, verdict));
      follow(verdict, incidents, ledger);
      told.accept(verdict);
    }
  }

  // What came since the window before was judged, of each device the newest: as a server does.
  private List<LateWindow> late(long window) {
    List<LateWindow> lately = new ArrayList<>();
    Map<DeviceId, Integer> taken = new HashMap<>();
    tooLate
        .descendingMap()
        .forEach(
            (of, each) -> {
              if (of >= window - DriftLedger.LATE_WINDOWS) {
                each.forEach(
                    (device, parts) -> {
                      if (taken.merge(device, 1, Integer::sum) <= LATE_OF_DEVICE_MAX) {
                        lately.add(new LateWindow(of, counted(device, parts)));
                      }
                    });
              }
            });
    tooLate.clear();
    return lately;
  }

  private void keep(Judged judged) {
    historyDevices += judged.devices().size() + judged.late().size();
    keeping &= historyDevices <= HISTORY_DEVICES_MAX;
    if (keeping) {
      history.add(judged);
    } else {
      history.clear();
    }
  }

  private static void follow(WindowVerdict verdict, List<Incident> incidents, DriftLedger ledger) {
    for (int i = 0; i < incidents.size(); i++) {
      Incident incident = incidents.get(i);
      if (!incident.isOpen()) {
        continue;
      }
      var cohort = incident.finding().cohort();
      if (verdict.ended().contains(cohort)) {
        incidents.set(i, IncidentMachine.after(incident, new IncidentEvent.Ended()));
        ledger.release(cohort, false);
      } else if (verdict.persisting().contains(cohort)) {
        incidents.set(
            i, IncidentMachine.after(incident, IncidentEvent.Persisted.of(verdict, cohort)));
      }
    }
    verdict.found().ifPresent(finding -> incidents.add(IncidentMachine.opened(finding)));
  }

  List<Incident> incidents() {
    return List.copyOf(incidents);
  }

  /** Windows that came after theirs was judged. */
  long late() {
    return late;
  }

  /** What was judged last of those that are kept. */
  Judged lastJudged() {
    return history.getLast();
  }

  /** Windows that were judged and kept. */
  int kept() {
    return history.size();
  }

  /**
   * What a process does that was started anew: judges what was judged once more, and opens and
   * follows incidents by that.
   *
   * @return verdicts and incidents that differ from those before
   */
  long replay() {
    if (!keeping) {
      return 0;
    }
    DriftLedger fresh = new DriftLedger(settings);
    List<Incident> again = new ArrayList<>();
    long different = 0;
    for (Judged judged : history) {
      for (DeviceWindow one : judged.devices()) {
        if (!fresh.knows(one.version())) {
          fresh.register(one.version(), releases.watched(one.version()).streams());
        }
      }
      WindowVerdict verdict = fresh.judge(judged.window(), judged.devices(), judged.late());
      if (!verdict.equals(judged.verdict())) {
        different++;
      }
      follow(verdict, again, fresh);
    }
    different += again.equals(incidents) ? 0 : 1;
    ledger = fresh;
    return different;
  }
}
