package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.contract.Tables.Waiting;
import io.skerry.contract.Tables.Wish;
import io.skerry.fleet.rollout.Census;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.RolloutBooks;
import io.skerry.fleet.rollout.RolloutDriver;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.fleet.rollout.StageRule;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport.Running;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** Devices that say what they are, see their orders, and go on with them as the test wants. */
final class RolloutFleet {
  static final String GATEWAY = "x86-64-avx2";
  static final String BOARD = "arm64-dotprod";
  static final DeviceFacts OF_GATEWAY = Reports.FACTS;
  static final DeviceFacts OF_BOARD = facts("arm64", List.of("asimd", "asimddp"), "onnxruntime");
  static final DeviceFacts WITHOUT_ENGINE = facts("x86-64", List.of("avx2"), "tflite");
  static final DeviceFacts WITHOUT_VARIANT =
      facts("x86-64", List.of("avx2", "avx_vnni"), "onnxruntime");
  static final DeviceFacts WITHOUT_PROFILE = facts("riscv64", List.of(), "onnxruntime");

  private final Tables tables;
  private final Map<DeviceId, DesiredDocument> seen = new HashMap<>();
  private final Map<Place, Running> running = new HashMap<>();
  private final Map<DeviceId, DeviceFacts> facts = new HashMap<>();
  private final Map<Place, SlotPhase> phases = new HashMap<>();
  private long sequence;
  private Instant now = Instant.now().truncatedTo(ChronoUnit.MICROS);

  private record Place(DeviceId device, SlotId slot) {}

  RolloutFleet(Tables tables) {
    this.tables = tables;
  }

  private static DeviceFacts facts(String arch, List<String> features, String engine) {
    return new DeviceFacts(arch, features, 4, 1L << 32, List.of(), List.of(engine), "");
  }

  static DeviceId device(int number) {
    return new DeviceId("device-" + number);
  }

  static List<DeviceId> devices(int... numbers) {
    return Arrays.stream(numbers).mapToObj(RolloutFleet::device).toList();
  }

  /** Enrols these, of which nothing is known but their profile. */
  void enrol(int from, int to) {
    IntStream.range(from, to).forEach(number -> tables.enrol(device(number)));
  }

  Instant now() {
    return now;
  }

  void pass(Duration time) {
    now = now.plus(time);
  }

  RolloutId begin(Wish wish) {
    RolloutId rollout = tables.begin(wish, now);
    // A server begins it by the machine's clock, which is ahead of ours where the machine is busy.
    Instant begun = Instant.now().truncatedTo(ChronoUnit.MICROS);
    now = now.isBefore(begun) ? begun : now;
    return rollout;
  }

  /** To everybody at once, as fast as can be. */
  RolloutId begin(long version) {
    return begin(Wish.of(version, StageRule.percent(100)));
  }

  /** Everybody runs a version. */
  RolloutId everywhere(long version) {
    RolloutId rollout = begin(version);
    look(rollout);
    report(hear(), SlotPhase.COMMITTED);
    look(rollout);
    act(rollout, new RolloutEvent.Promote("tested"));
    assertThat(state(rollout).phase().code()).isEqualTo("SUCCEEDED");
    return rollout;
  }

  void look(RolloutId rollout) {
    tables.look(rollout, "a", now);
  }

  void act(RolloutId rollout, RolloutEvent event) {
    Optional<String> refusal =
        tables
            .books()
            .forPerson(rollout, page -> RolloutDriver.apply(page, event, now).refusal())
            .orElseThrow();
    assertThat(refusal).isEmpty();
  }

  Census census(RolloutId rollout) {
    return tables.books().forPerson(rollout, RolloutBooks.Page::census).orElseThrow();
  }

  RolloutState state(RolloutId rollout) {
    return tables.books().forPerson(rollout, RolloutBooks.Page::state).orElseThrow();
  }

  /** The devices of a rollout in a state, by number. */
  List<DeviceId> in(RolloutId rollout, DeploymentState state) {
    return tables.deployments(rollout).entrySet().stream()
        .filter(one -> one.getValue() == state)
        .map(Map.Entry::getKey)
        .sorted(Comparator.comparing(DeviceId::value))
        .toList();
  }

  /** Each device of the stages that were opened, and its state; the counts say the same. */
  Map<DeviceId, DeploymentState> states(RolloutId rollout) {
    Map<DeviceId, DeploymentState> states = tables.deployments(rollout);
    Map<DeploymentState, Integer> counted = new TreeMap<>();
    census(rollout)
        .cells()
        .forEach(cell -> counted.merge(cell.state(), cell.devices(), Integer::sum));
    Map<DeploymentState, Integer> there = new TreeMap<>();
    states.values().forEach(state -> there.merge(state, 1, Integer::sum));
    assertThat(counted).as("counts").isEqualTo(there);
    return states;
  }

  /** Devices by their rank in a rollout, best first. */
  static List<DeviceId> ranked(RolloutId rollout, List<DeviceId> devices) {
    return devices.stream()
        .sorted(Comparator.comparing((DeviceId device) -> rank(rollout, device)))
        .toList();
  }

  static String rank(RolloutId rollout, DeviceId device) {
    String salted = rollout.value() + "/" + device.value();
    return Digest.of(salted.getBytes(StandardCharsets.UTF_8)).hex();
  }

  /** A device says what it is from now on. */
  void becomes(DeviceId device, DeviceFacts is) {
    facts.put(device, is);
    tell(device);
  }

  /** What waits is published; to whom. */
  List<DeviceId> hear() {
    List<Waiting> waiting = tables.waiting(100);
    tables.published(waiting);
    waiting.forEach(one -> sees(one.document()));
    return waiting.stream().map(one -> one.document().device()).toList();
  }

  private void sees(DesiredDocument document) {
    DeviceId device = document.device();
    DesiredDocument before = seen.put(device, document);
    for (DesiredSlot order : document.slots()) {
      if (before == null || !before.slots().contains(order)) {
        phases.remove(new Place(device, order.slot()));
      }
    }
  }

  /** Devices have come so far with what they were ordered last, in every slot. */
  void report(List<DeviceId> devices, SlotPhase phase) {
    for (DeviceId device : devices) {
      document(device).slots().forEach(order -> comes(device, order, phase));
      tell(device);
    }
  }

  /** The same of one slot only. */
  void report(List<DeviceId> devices, SlotId slot, SlotPhase phase) {
    for (DeviceId device : devices) {
      document(device).slots().stream()
          .filter(order -> order.slot().equals(slot))
          .forEach(order -> comes(device, order, phase));
      tell(device);
    }
  }

  private void comes(DeviceId device, DesiredSlot order, SlotPhase phase) {
    Place place = new Place(device, order.slot());
    phases.put(place, phase);
    if (phase == SlotPhase.COMMITTED && order.mode() instanceof SlotMode.Off) {
      running.remove(place);
    } else if (phase == SlotPhase.COMMITTED || phase == SlotPhase.PROBATION) {
      running.put(place, new Running(order.version(), order.manifest()));
    }
  }

  private void tell(DeviceId device) {
    assertThat(
            tables.report(
                Reports.of(
                    device,
                    Optional.ofNullable(seen.get(device)),
                    ++sequence,
                    slot -> phases.getOrDefault(new Place(device, slot), SlotPhase.IDLE),
                    facts.getOrDefault(device, OF_GATEWAY),
                    slot -> Optional.ofNullable(running.get(new Place(device, slot))))))
        .isTrue();
  }

  private DesiredDocument document(DeviceId device) {
    DesiredDocument document = seen.get(device);
    if (document == null) {
      throw new IllegalStateException(device + " was ordered nothing");
    }
    return document;
  }

  /** What a device was ordered last in a slot, unless it is switched off there. */
  Optional<DesiredSlot> ordered(DeviceId device, SlotId slot) {
    return Optional.ofNullable(seen.get(device)).stream()
        .flatMap(document -> document.slots().stream())
        .filter(order -> order.slot().equals(slot))
        .filter(order -> !(order.mode() instanceof SlotMode.Off))
        .findFirst();
  }

  /** What a device was ordered last to run; empty when it is to run nothing. */
  Optional<Digest> ordered(DeviceId device) {
    return Optional.ofNullable(seen.get(device))
        .map(document -> document.slots().getFirst())
        .filter(order -> order.mode() instanceof SlotMode.Active)
        .map(DesiredSlot::manifest);
  }

  List<Long> revisions() {
    return seen.values().stream().map(one -> one.slots().getFirst().revision()).toList();
  }

  List<Long> versions() {
    return seen.values().stream().map(one -> one.slots().getFirst().version().version()).toList();
  }
}
