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
  private final Map<DeviceId, Running> running = new HashMap<>();
  private final Map<DeviceId, DeviceFacts> facts = new HashMap<>();
  private final Map<DeviceId, SlotPhase> phases = new HashMap<>();
  private long sequence;
  private Instant now = Instant.now().truncatedTo(ChronoUnit.MICROS);

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
    return tables.begin(wish, now);
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
    tell(device, phases.getOrDefault(device, SlotPhase.IDLE));
  }

  /** What waits is published; to whom. */
  List<DeviceId> hear() {
    List<Waiting> waiting = tables.waiting(100);
    tables.published(waiting);
    waiting.forEach(one -> seen.put(one.document().device(), one.document()));
    return waiting.stream().map(one -> one.document().device()).toList();
  }

  /** Devices have come so far with what they were ordered last. */
  void report(List<DeviceId> devices, SlotPhase phase) {
    for (DeviceId device : devices) {
      if (!seen.containsKey(device)) {
        throw new IllegalStateException(device + " was ordered nothing");
      }
      phases.put(device, phase);
      DesiredSlot order = order(device);
      if (phase == SlotPhase.COMMITTED && order.mode() instanceof SlotMode.Off) {
        running.remove(device);
      } else if (phase == SlotPhase.COMMITTED || phase == SlotPhase.PROBATION) {
        running.put(device, new Running(order.version(), order.manifest()));
      }
      tell(device, phase);
    }
  }

  private void tell(DeviceId device, SlotPhase phase) {
    assertThat(
            tables.report(
                Reports.of(
                    device,
                    Optional.ofNullable(seen.get(device)),
                    ++sequence,
                    phase,
                    facts.getOrDefault(device, OF_GATEWAY),
                    Optional.ofNullable(running.get(device)))))
        .isTrue();
  }

  private DesiredSlot order(DeviceId device) {
    DesiredDocument document = seen.get(device);
    if (document == null) {
      throw new IllegalStateException(device + " was ordered nothing");
    }
    return document.slots().getFirst();
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
