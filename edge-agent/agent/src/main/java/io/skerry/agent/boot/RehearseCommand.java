package io.skerry.agent.boot;

import io.skerry.agent.bench.AgentClient;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelMetadataRequest;
import io.skerry.wire.inference.ModelStatisticsRequest;
import io.skerry.wire.inference.RepositoryIndexRequest;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/**
 * Serves the self-test models to itself for a moment and ends, so that the JVM sees what a start
 * needs: {@code skerry-agent prepare} makes the AOT cache of it.
 */
@Command(name = "rehearse", hidden = true, description = "Serves a moment, for the AOT cache.")
final class RehearseCommand implements Callable<Integer> {
  private static final int CALLS = 200;
  private static final int START_MILLIS_MAX = 30_000;

  @Override
  public Integer call() throws IOException, InterruptedException {
    List<String> endings = SelfTest.endings(EngineCatalog.discovered());
    Path folder = Files.createTempDirectory("skerry");
    for (String ending : endings) {
      Path version =
          folder.resolve("models").resolve("self-test-" + ending.substring(1)).resolve("1");
      Files.createDirectories(version);
      SelfTest.write(ending, version.resolve("model" + ending));
    }
    Path socket = folder.resolve("agent.sock");
    PrintWriter nowhere = new PrintWriter(Writer.nullWriter());
    Thread.ofPlatform()
        .daemon()
        .start(
            () ->
                Main.execute(
                    nowhere,
                    nowhere,
                    "serve",
                    "--models",
                    folder.resolve("models").toString(),
                    "--listen",
                    "unix:" + socket));
    long end = System.nanoTime() + START_MILLIS_MAX * 1_000_000L;
    while (!Files.exists(socket)) {
      if (System.nanoTime() > end) {
        throw new CommandException(ExitCode.FAILED, "the rehearsal's server did not start");
      }
      Thread.sleep(20);
    }
    try (AgentClient client = AgentClient.of(socket)) {
      for (String ending : endings) {
        String model = "self-test-" + ending.substring(1);
        client.blocking().modelMetadata(ModelMetadataRequest.newBuilder().setName(model).build());
        ModelInferRequest request = AgentClient.request(model, List.of(SelfTest.input()));
        for (int i = 0; i < CALLS; i++) {
          client.blocking().modelInfer(request);
        }
      }
      client.live();
      client.blocking().repositoryIndex(RepositoryIndexRequest.getDefaultInstance());
      client.blocking().modelStatistics(ModelStatisticsRequest.getDefaultInstance());
    }
    return ExitCode.DONE;
  }
}
