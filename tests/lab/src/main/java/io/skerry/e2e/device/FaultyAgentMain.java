package io.skerry.e2e.device;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.skerry.agent.boot.AgentExecutors;
import io.skerry.agent.boot.AgentStatus;
import io.skerry.agent.boot.DeviceAgent;
import io.skerry.agent.boot.DeviceAgentConfig;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.identity.DeviceIdentity;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.serve.AgentServer;
import io.skerry.agent.serve.ListenAddress;
import io.skerry.agent.serve.ServeConfig;
import io.skerry.profile.FactsProbe;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.SlotReport;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The agent as {@code skerry agent run} puts it together, with a disk, a clock and an engine that
 * fail when told so, one command a line on standard input, one JSON object a line as the answer:
 *
 * <pre>
 * status                          how the agent stands
 * operations                      changes of the disk so far, and the writes among them
 * disk WELL|FULL|READ_ONLY|SHORT_WRITE
 * kill N before|inside            ends the process before the N-th change, or inside the N-th write
 * clock SECONDS                   the clock says so much more than the system's
 * stop                            ends in good order
 * </pre>
 */
public final class FaultyAgentMain {
  /** Property with which the agent has all engines: else it starts faster, and has ONNX alone. */
  public static final String ALL_ENGINES = "skerry.lab.engines.all";

  private final FaultyDisk disk = new FaultyDisk();
  private final MovableClock clock = new MovableClock();
  private final PrintStream out = System.out;

  private FaultyAgentMain() {}

  /**
   * Runs until told to stop, or until standard input ends.
   *
   * @param arguments data folder, address to listen on, bytes of the spool, commands to carry out
   *     before the start
   */
  public static void main(String[] arguments) throws Exception {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    FaultyAgentMain main = new FaultyAgentMain();
    for (int i = 3; i < arguments.length; i++) {
      main.prepare(arguments[i].split(" ", -1));
    }
    main.run(Path.of(arguments[0]), arguments[1], Long.parseLong(arguments[2]));
  }

  private void run(Path data, String listen, long spoolBytes) throws Exception {
    EngineCatalog engines = BadEngine.catalog();
    DeviceIdentity identity = DeviceIdentity.load(Disk.local(), data);
    try (AgentExecutors executors = AgentExecutors.create();
        DeviceAgent agent =
            DeviceAgent.start(
                DeviceAgentConfig.of(
                        data, identity, FactsProbe.detect(engines.usable()), engines, executors)
                    .withLimits(spoolBytes, DeviceAgentConfig.RING_CAPACITY, 1)
                    .with(disk, clock));
        AgentServer server =
            AgentServer.start(
                ServeConfig.at(ListenAddress.parse(listen)),
                agent.slots(),
                agent.predictor(),
                agent.listing(),
                Optional.of(agent.feedback()))) {
      JsonObject ready = new JsonObject();
      ready.addProperty("ready", server.address().toString());
      answer(ready);
      obey(agent);
    }
  }

  private void obey(DeviceAgent agent) throws IOException {
    BufferedReader commands =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      String[] command = line.split(" ", -1);
      switch (command[0]) {
        case "status" -> answer(status(agent.status()));
        case "stop" -> {
          answer(new JsonObject());
          return;
        }
        default -> {
          prepare(command);
          JsonObject done = new JsonObject();
          done.addProperty("operations", disk.operations());
          done.addProperty("writes", disk.writes());
          answer(done);
        }
      }
    }
  }

  private void prepare(String... command) {
    switch (command[0]) {
      case "disk" -> disk.mode(FaultyDisk.Mode.valueOf(command[1]));
      case "kill" -> disk.killAt(Long.parseLong(command[1]), command[2].equals("inside"));
      case "clock" -> clock.off(Duration.ofSeconds(Long.parseLong(command[1])));
      case "operations" -> {}
      default -> throw new IllegalArgumentException("unknown command " + command[0]);
    }
  }

  private void answer(JsonObject object) {
    out.println(object);
    out.flush();
  }

  private static JsonObject status(AgentStatus status) {
    JsonObject object = new JsonObject();
    object.addProperty("bootEpoch", status.bootEpoch());
    object.addProperty("link", status.link().name());
    object.addProperty("observed", status.observed().toString());
    object.addProperty("applied", status.applied().toString());
    JsonArray slots = new JsonArray();
    status.slots().forEach(slot -> slots.add(slot(slot)));
    object.add("slots", slots);
    object.add("spooled", counts(status.spooled()));
    object.add("waiting", counts(status.waiting()));
    object.add("dropped", counts(status.dropped()));
    object.addProperty("damaged", status.damaged());
    object.addProperty("skipped", status.skipped());
    return object;
  }

  private static JsonObject slot(SlotReport slot) {
    JsonObject object = new JsonObject();
    object.addProperty("slot", slot.slot().value());
    object.addProperty("phase", slot.phase().name());
    object.addProperty("revision", slot.revision());
    slot.running().ifPresent(running -> object.addProperty("running", running.version().version()));
    slot.error().ifPresent(error -> object.addProperty("error", error.code().name()));
    slot.error().ifPresent(error -> object.addProperty("detail", error.detail()));
    object.addProperty("failed", slot.predictionsFailed());
    return object;
  }

  private static JsonObject counts(Map<RecordStream, Long> counts) {
    JsonObject object = new JsonObject();
    for (RecordStream stream : RecordStream.values()) {
      object.addProperty(stream.wireName(), counts.getOrDefault(stream, 0L));
    }
    return object;
  }
}
