package io.skerry.e2e.scene;

import com.google.gson.JsonObject;
import io.skerry.e2e.net.TcpProxy;
import io.skerry.protocol.DeviceId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * One device with a version that it has committed, and an application that asks it all the time.
 */
public final class Scene implements AutoCloseable {
  /** What goes well goes well within this time, on a busy machine too. */
  public static final Duration PATIENCE = Duration.ofSeconds(90);

  // A device waits two minutes at most before it asks again.
  private static final Duration BACK_WITHIN = PATIENCE.plusMinutes(2);

  /** Disk for waiting records where a fault needs no other. */
  public static final long SPOOL_BYTES = 8L << 20;

  private final Lab lab;
  private final DeviceId device;
  private final TcpProxy link;
  private final TcpProxy web;
  private final Optional<SmallDisk> smallDisk;
  private final AgentProcess agent;
  private final Application application;
  private final Map<SpoolFiles.Origin, Long> spooled = new HashMap<>();
  private Artifact expected;
  private int kills;

  private Scene(
      Lab lab,
      DeviceId device,
      TcpProxy link,
      TcpProxy web,
      Optional<SmallDisk> smallDisk,
      AgentProcess agent,
      Application application,
      Artifact expected) {
    this.lab = lab;
    this.device = device;
    this.link = link;
    this.web = web;
    this.smallDisk = smallDisk;
    this.agent = agent;
    this.application = application;
    this.expected = expected;
  }

  /** A device that runs its first version. */
  public static Scene open(Lab lab, String device) throws Exception {
    return open(lab, device, SPOOL_BYTES);
  }

  /**
   * A device that runs its first version.
   *
   * @param spoolBytes disk for waiting records
   */
  public static Scene open(Lab lab, String device, long spoolBytes) throws Exception {
    return open(lab, lab.place(), Optional.empty(), device, spoolBytes);
  }

  /**
   * A device that runs its first version, with its data on a small file system of its own.
   *
   * @throws SmallDisk.NotMountedException where this user may not mount one
   */
  public static Scene openOnSmallDisk(Lab lab, String device) throws Exception {
    Path place = lab.place();
    SmallDisk disk = SmallDisk.mount(place);
    try {
      return open(lab, place, Optional.of(disk), device, SPOOL_BYTES);
    } catch (Exception | AssertionError e) {
      disk.close();
      throw e;
    }
  }

  private static Scene open(
      Lab lab, Path place, Optional<SmallDisk> disk, String device, long spoolBytes)
      throws Exception {
    DeviceId id = new DeviceId(device + "-" + place.getFileName());
    TcpProxy link = TcpProxy.before(lab.plane().server().mqttPort());
    TcpProxy web = TcpProxy.forHttps();
    Path data = place.resolve("device");
    Enrolled.into(data, lab.plane(), id, link);
    AgentProcess agent =
        new AgentProcess(
            lab.agents(),
            data,
            place.resolve("a.sock"),
            place.resolve("agent.log"),
            spoolBytes,
            web.port());
    agent.start();
    Scene scene = new Scene(lab, id, link, web, disk, agent, new Application(agent), lab.next());
    scene.order(scene.expected);
    scene.awaitCommitted();
    return scene;
  }

  /** The control plane and what else is shared. */
  public Lab lab() {
    return lab;
  }

  /** Its name. */
  public DeviceId device() {
    return device;
  }

  /** Its way to the broker. */
  public TcpProxy link() {
    return link;
  }

  /** Its way to everything that it asks over HTTPS: artifacts, roots, the time, certificates. */
  public TcpProxy web() {
    return web;
  }

  /** The file system of its data, when it has one of its own. */
  public SmallDisk smallDisk() {
    return smallDisk.orElseThrow();
  }

  /** Its agent. */
  public AgentProcess agent() {
    return agent;
  }

  /** What asks it. */
  public Application application() {
    return application;
  }

  /** The version that it shall run. */
  public Artifact expected() {
    return expected;
  }

  /** Processes of the agent that were killed. */
  public int kills() {
    return kills;
  }

  /** The highest sequences that were seen in the spools of killed processes. */
  public Map<SpoolFiles.Origin, Long> spooledByTheDead() {
    return spooled;
  }

  /** Orders a version that is good: from now on it is the one to run. */
  public void order(Artifact artifact) {
    expected = artifact;
    lab.plane().order(device, artifact, Plane.Probation.SHORT);
  }

  /** Orders a version that must not stay. */
  public void orderBad(Artifact artifact) {
    lab.plane().order(device, artifact, Plane.Probation.SHORT);
  }

  /** Another version becomes the one to run without being ordered here. */
  public void expect(Artifact artifact) {
    expected = artifact;
  }

  /** The next good version, ordered. */
  public Artifact orderNext() throws Exception {
    Artifact next = lab.next();
    order(next);
    return next;
  }

  /** Waits until the expected version is committed and answers. */
  public void awaitCommitted() throws Exception {
    Await.until(
        PATIENCE,
        "version %d committed and answering".formatted(expected.version()),
        () -> isIn("COMMITTED") && running() == expected.version() && answers(expected.version()),
        this::state);
  }

  private boolean answers(long version) {
    return application.version() == version;
  }

  /** Waits until the slot is in a phase. */
  public void awaitPhase(String phase) throws Exception {
    Await.until(PATIENCE, "phase " + phase, () -> isIn(phase), this::state);
  }

  /** Whether the slot is in a phase; false while nobody answers. */
  public boolean isIn(String phase) throws Exception {
    return slot().filter(slot -> slot.get("phase").getAsString().equals(phase)).isPresent();
  }

  /** The code of the slot's error; empty when there is none. */
  public String error() throws Exception {
    return slot()
        .filter(slot -> slot.has("error"))
        .map(slot -> slot.get("error").getAsString())
        .orElse("");
  }

  /** The version that the agent says it runs; 0 for none. */
  public long running() throws Exception {
    return running("main");
  }

  /** The version that the agent says it runs in a slot; 0 for none. */
  public long running(String name) throws Exception {
    return slot(name)
        .filter(slot -> slot.has("running"))
        .map(slot -> slot.get("running").getAsLong())
        .orElse(0L);
  }

  private Optional<JsonObject> slot() throws Exception {
    return slot("main");
  }

  private Optional<JsonObject> slot(String name) throws Exception {
    try {
      return agent.status().getAsJsonArray("slots").asList().stream()
          .map(element -> element.getAsJsonObject())
          .filter(slot -> slot.get("slot").getAsString().equals(name))
          .findFirst();
    } catch (AgentProcess.AgentDown e) {
      return Optional.empty();
    }
  }

  /** How everything stands, in words. */
  public String state() {
    try {
      return "agent %s, application on version %d with %d answers, %d failed %s"
          .formatted(
              agent.isUp() ? agent.status() : "is down",
              application.version(),
              application.answered(),
              application.failed(),
              application.failures());
    } catch (Exception e) {
      return e.toString();
    }
  }

  /** SIGKILL, and a look at what lies in the spool. */
  public void kill() throws Exception {
    agent.kill();
    died();
  }

  /** The agent's process ended by itself: a look at what lies in the spool. */
  public void died() throws Exception {
    kills++;
    for (Map.Entry<SpoolFiles.Origin, NavigableSet<Long>> lying :
        SpoolFiles.sequences(agent.data()).entrySet()) {
      spooled.merge(lying.getKey(), lying.getValue().last(), Math::max);
    }
  }

  /** Starts the agent again. */
  public void restart(String... commandsBefore) throws Exception {
    agent.start(commandsBefore);
    application.agentIsBack();
  }

  /** A second agent, not started, on a copy of this device's data folder as it is now. */
  public AgentProcess copy() throws IOException {
    Path place = lab.place();
    Path copy = place.resolve("device");
    try (Stream<Path> files = Files.walk(agent.data())) {
      for (Path file : files.toList()) {
        Path to = copy.resolve(agent.data().relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(to);
        } else if (Files.exists(file)) {
          Files.copy(file, to);
        }
      }
    } catch (NoSuchFileException e) {
      // The running agent deleted it meanwhile, as it may.
    }
    return new AgentProcess(
        lab.agents(),
        copy,
        place.resolve("a.sock"),
        place.resolve("agent.log"),
        SPOOL_BYTES,
        web.port());
  }

  /** A value of the agent's status. */
  public JsonObject status() throws Exception {
    return agent.status();
  }

  /** Waits until the agent says that its link is up, or is not. */
  public void awaitLink(boolean up) throws Exception {
    Await.until(
        BACK_WITHIN,
        up ? "the link up" : "the link down",
        () -> agent.status().get("link").getAsString().equals("CONNECTED") == up,
        this::state);
  }

  @Override
  public void close() {
    application.close();
    agent.close();
    link.close();
    web.close();
    smallDisk.ifPresent(SmallDisk::close);
  }
}
