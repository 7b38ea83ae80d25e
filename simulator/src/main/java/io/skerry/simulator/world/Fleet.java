package io.skerry.simulator.world;

import io.skerry.agent.uplink.DeviceLink;
import io.skerry.agent.uplink.LinkConfig;
import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Generation;
import io.skerry.protocol.ModelVersion;
import io.skerry.simulator.disk.PagePool;
import io.skerry.simulator.world.Releases.Behaviour;
import java.net.http.HttpClient;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.Supplier;

/** A fleet, its broker, its artifacts and its control plane in one world. */
public final class Fleet {
  /** Generations that somebody else is ahead of the control plane. */
  private static final long AHEAD = 1000;

  private final World world;
  private final Settings settings;
  private final Releases releases;
  private final MemoryBroker broker;
  private final MemoryStore store;
  private final Watch watch;
  private final ControlPlane plane;
  private final ControlPlane replica;
  private final List<SimDevice> devices = new ArrayList<>();
  private final Map<DeviceId, SimDevice> byId = new HashMap<>();
  private final Map<Hardware, DeviceFacts> facts = new EnumMap<>(Hardware.class);
  private final Nature.Batch batch = new Nature.Batch();
  private final PagePool pages = new PagePool();
  private final Commits commits = new Commits();
  private final List<MemoryLink> clones = new ArrayList<>();
  private Nature.Drift drift = Nature.Drift.NONE;
  private boolean unit;
  private boolean admitsNewcomers;
  private List<RolloutKind> kinds = List.of(new RolloutKind.Replace());
  private int chosen;

  /** Makes a fleet in which nothing runs yet. */
  public Fleet(World world, Settings settings) {
    this.world = world;
    this.settings = settings;
    this.releases = new Releases();
    this.broker = new MemoryBroker(world);
    this.store = new MemoryStore(SimDevice.TENANT);
    this.watch = new Watch(this);
    for (Hardware hardware : Hardware.values()) {
      facts.put(
          hardware,
          new DeviceFacts(
              hardware.facts().arch(),
              hardware.facts().cpuFeatures(),
              hardware.facts().cores(),
              hardware.facts().memoryBytes(),
              hardware.facts().accelerators(),
              hardware.facts().engines(),
              hardware.facts().board()));
    }
    RolloutShell rollouts =
        new RolloutShell(
            store, releases, device -> device(device).described(), settings.sampling());
    DriftShell drift =
        new DriftShell(
            releases,
            device -> device(device).attributes(),
            settings.window(),
            settings.keepWindows());
    this.plane = new ControlPlane(this, "control-a", rollouts, drift);
    this.replica = new ControlPlane(this, "control-b", rollouts, drift);
    for (int i = 0; i < settings.devices(); i++) {
      enrol();
    }
  }

  private SimDevice enrol() {
    SimDevice device = new SimDevice(this, devices.size());
    devices.add(device);
    byId.put(device.id(), device);
    store.enroll(device.id());
    watch.add();
    return device;
  }

  /** A new device is enrolled, and starts. */
  void join() {
    SimDevice device = enrol();
    if (unit) {
      device.addSlot(RolloutShell.SECOND_SLOT);
    }
    device.begin();
  }

  /** Starts the control plane, then every device. */
  public void begin() {
    plane.start();
    for (SimDevice device : devices) {
      world.after(device.index() % 60 * World.SECOND, device::begin);
    }
  }

  public World world() {
    return world;
  }

  public Settings settings() {
    return settings;
  }

  Releases releases() {
    return releases;
  }

  public MemoryBroker broker() {
    return broker;
  }

  public MemoryStore store() {
    return store;
  }

  public Watch watch() {
    return watch;
  }

  public ControlPlane plane() {
    return plane;
  }

  /** A second process on the same store, not started unless a story says so. */
  ControlPlane replica() {
    return replica;
  }

  /** Whether anybody answers for the control plane. */
  boolean isPlaneUp() {
    return plane.isUp() || replica.isUp();
  }

  SimDevice device(int index) {
    return devices.get(index);
  }

  SimDevice device(DeviceId id) {
    return Objects.requireNonNull(byId.get(id), "unknown device");
  }

  List<SimDevice> devices() {
    return devices;
  }

  DeviceFacts facts(Hardware hardware) {
    return Objects.requireNonNull(facts.get(hardware));
  }

  PagePool pages() {
    return pages;
  }

  Nature.Batch batch() {
    return batch;
  }

  Commits commits() {
    return commits;
  }

  /** Somebody uses a device's key on another machine for a while, and does nothing but listen. */
  void clone(SimDevice victim, long lastsMillis, long seed) {
    MemoryLink thief =
        new MemoryLink(
            world,
            broker,
            new LinkConfig(
                    "broker",
                    1,
                    SimDevice.TENANT,
                    victim.id(),
                    MemoryLink::noCertificate,
                    victim.epoch(),
                    "thief")
                .with(settings.timing()),
            MemoryLink.Line.WHOLE,
            new SplittableRandom(seed),
            Runnable::run);
    clones.add(thief);
    watch.cloned(victim.index());
    thief.start(
        new DeviceLink.Listener() {
          @Override
          public void connected() {}

          @Override
          public void received(String topic, byte[] payload) {}
        });
    world.after(lastsMillis, thief::die);
  }

  /**
   * Somebody orders a device what was made for another board, in a generation far above its own.
   *
   * @param stolen whether it is signed with the director's key, or with one of nobody
   */
  void misdirect(SimDevice device, boolean stolen) {
    Hardware other = EnumSet.complementOf(EnumSet.of(device.hardware())).iterator().next();
    List<DesiredSlot> orders =
        store.orders(device.id()).stream().map(order -> madeFor(other, order)).toList();
    if (!orders.isEmpty()) {
      Generation before = store.generation(device.id());
      DesiredDocument document =
          new DesiredDocument(
              SimDevice.TENANT,
              device.id(),
              new Generation(before.term(), before.counter() + AHEAD),
              world.instant(),
              orders);
      broker.publish(device.desiredTopic(), releases.misdirected(document, stolen), true);
    }
  }

  private DesiredSlot madeFor(Hardware board, DesiredSlot order) {
    return releases
        .variant(order.version(), board.profile())
        .map(
            variant ->
                new DesiredSlot(
                    order.slot(),
                    order.revision() + 1,
                    order.version(),
                    variant.manifest(),
                    variant.signature(),
                    order.artifactBase(),
                    order.rollout(),
                    order.sampling(),
                    order.window(),
                    order.probationPredictions(),
                    order.probation(),
                    order.mode(),
                    order.unit()))
        .orElse(order);
  }

  /** No device's key is used on another machine any more. */
  void endClones() {
    clones.forEach(MemoryLink::die);
    clones.clear();
  }

  Nature.Drift drift() {
    return drift;
  }

  void drift(Nature.Drift now) {
    drift = now;
  }

  Supplier<HttpClient> http(ArtifactServer.Line line) {
    ArtifactServer server = new ArtifactServer(releases::blob, line);
    return () -> server;
  }

  /** Every device has two models from now on, which are rolled out together. */
  void becomeUnit() {
    unit = true;
    devices.forEach(device -> device.addSlot(RolloutShell.SECOND_SLOT));
  }

  /** Operators do this with new versions, in turn. */
  void operatorsChoose(List<RolloutKind> among) {
    kinds = List.copyOf(among);
  }

  /** Devices that come later join the rollouts that are under way. */
  void admitNewcomers() {
    admitsNewcomers = true;
  }

  boolean admitsNewcomers() {
    return admitsNewcomers;
  }

  /** Whether a version may be on trial on some device. */
  boolean hasTrials() {
    return kinds.size() > 1 || kinds.getFirst().isTrial();
  }

  /** What an operator does with a new version who was not told otherwise. */
  RolloutKind kind() {
    return kinds.get(chosen++ % kinds.size());
  }

  /** What goes together, all of this version. */
  List<RolloutPart> parts(long version) {
    RolloutPart main =
        new RolloutPart(RolloutShell.SLOT, new ModelVersion(Releases.MODEL, version));
    return unit
        ? List.of(
            main,
            new RolloutPart(
                RolloutShell.SECOND_SLOT, new ModelVersion(Releases.SECOND_MODEL, version)))
        : List.of(main);
  }

  /** Makes a version for every profile; of a unit the last model behaves so, the others well. */
  public void release(long version, Behaviour behaviour) {
    List<RolloutPart> parts = parts(version);
    for (int i = 0; i < parts.size(); i++) {
      releases.release(parts.get(i).version(), i == parts.size() - 1 ? behaviour : Behaviour.GOOD);
    }
  }
}
