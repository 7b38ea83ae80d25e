package io.skerry.agent.boot;

import io.skerry.agent.diagnose.Diagnostics;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.Pipelines;
import io.skerry.agent.model.PredictionListener;
import io.skerry.agent.model.Predictor;
import io.skerry.agent.model.ProfileOptions;
import io.skerry.agent.serve.AgentServer;
import io.skerry.agent.serve.ListenException;
import io.skerry.agent.serve.ModelListing;
import io.skerry.agent.serve.ModelRepository;
import io.skerry.agent.serve.ServeConfig;
import io.skerry.agent.serve.Served;
import io.skerry.profile.Engine;
import io.skerry.profile.HardwareProfile;
import io.skerry.runtime.LoadOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Serves a folder of models, without a control plane, until it is interrupted. */
@Command(
    name = "serve",
    description = "Serves a folder of models without a control plane.",
    mixinStandardHelpOptions = true)
final class ServeCommand implements Callable<Integer> {
  @Option(
      names = "--models",
      paramLabel = "DIR",
      description =
          "holds <model>/<version>/model.onnx or model.tflite, and <pipeline>/pipeline.yaml")
  private @Nullable Path models;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "threads that one prediction may use (default: the profile's, or 1)")
  private @Nullable Integer threads;

  @Option(
      names = "--profile",
      paramLabel = "ID|auto",
      description =
          "run models as devices of this hardware profile do: execution providers, libraries; auto:"
              + " the one that fits this machine best, which --profiles means, too (default: on the"
              + " processor)")
  private @Nullable String profile;

  @Option(
      names = "--compiled",
      paramLabel = "DIR",
      description =
          "with a profile: keep what engines compile for this machine here, for the next start")
  private @Nullable Path compiled;

  @Mixin private ProfileChoice profiles = new ProfileChoice();

  @Option(
      names = "--model-control",
      paramLabel = "explicit|none",
      description =
          "explicit: clients may load and unload the folder's models by name (default:"
              + " ${DEFAULT-VALUE})")
  private String modelControl = "explicit";

  @Option(
      names = "--allow-empty",
      description = "start without any model, for clients that load them later")
  private boolean allowEmpty;

  @Mixin private ServeOptions options = new ServeOptions();

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call().
  private CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    // Asked for here, because picocli would name a missing option before a misspelt one.
    if (models == null) {
      throw misuse("Missing required option: '--models=DIR'");
    }
    ServeConfig config = config();
    if (!Files.isDirectory(models)) {
      throw new CommandException(
          ExitCode.NOT_FOUND, "no folder of models at '%s'".formatted(models));
    }
    try (ModelSlots slots = new ModelSlots()) {
      ModelRepository repository = load(models, slots);
      Predictor predictor =
          new Predictor(slots, InstantSource.system(), new SecureRandom(), PredictionListener.NONE);
      serve(config, slots, predictor, repository, pipelines(models, slots));
    }
    return ExitCode.DONE;
  }

  private ServeConfig config() {
    if (threads != null && threads < 1) {
      throw misuse("--threads is %d, at least 1 is needed".formatted(threads));
    }
    if (compiled != null && profile == null && !profiles.hasOwn()) {
      throw misuse(
          "--compiled needs --profile or --profiles: without them models run on the processor, for"
              + " which nothing is compiled");
    }
    if (!modelControl.equals("explicit") && !modelControl.equals("none")) {
      throw misuse("--model-control is '%s', expected explicit or none".formatted(modelControl));
    }
    return options.apply(ServeConfig.at(options.listeners(spec)), spec);
  }

  private ModelRepository load(Path models, ModelSlots slots) {
    try {
      EngineCatalog engines = options.engines(spec);
      ModelRepository repository = ModelRepository.load(models, engines, loading(engines), slots);
      if (repository.entries().isEmpty() && !allowEmpty) {
        throw new CommandException(
            ExitCode.NOT_FOUND,
            "no model in '%s': expected %s"
                .formatted(models, models.resolve("<model>/<version>/model.onnx")));
      }
      for (ModelListing.Entry entry : repository.entries()) {
        if (!entry.ready()) {
          spec.commandLine()
              .getErr()
              .printf("model %s is not served: %s%n", label(entry), entry.reason());
        }
      }
      if (slots.active().isEmpty() && !allowEmpty) {
        throw new CommandException(
            ExitCode.FAILED, "none of the models in '%s' can be served".formatted(models));
      }
      return repository;
    } catch (IOException e) {
      throw new CommandException(
          ExitCode.FAILED, "cannot read '%s': %s".formatted(models, e.getMessage()), e);
    }
  }

  private LoadOptions loading(EngineCatalog engines) {
    int usual = threads == null ? 1 : threads;
    if (profile == null && !profiles.hasOwn()) {
      return new LoadOptions(usual, LoadOptions.DEFAULTS.providers());
    }
    Optional<Path> cache = Optional.ofNullable(compiled);
    Detected detected = profiles.detected(engines, cache);
    HardwareProfile chosen =
        profile == null || profile.equals("auto")
            ? profiles
                .catalog()
                .bestMatch(detected.facts())
                .orElseThrow(
                    () ->
                        new CommandException(
                            ExitCode.NOT_FOUND,
                            "no hardware profile is satisfied by this machine: 'skerry agent"
                                + " doctor' says what each lacks"))
            : profiles.named(profile, detected);
    // TFLite takes no execution providers; ONNX Runtime's are for it alone.
    return ProfileOptions.of(
        chosen,
        Engine.ONNXRUNTIME,
        threads == null ? Runtime.getRuntime().availableProcessors() : threads,
        cache);
  }

  private Pipelines pipelines(Path models, ModelSlots slots) {
    try {
      Pipelines pipelines = Pipelines.serve(models, slots);
      pipelines
          .faults()
          .forEach(
              (name, fault) ->
                  spec.commandLine()
                      .getErr()
                      .printf("pipeline %s is not served: %s%n", name, fault));
      return pipelines;
    } catch (IOException e) {
      throw new CommandException(
          ExitCode.FAILED, "cannot read '%s': %s".formatted(models, e.getMessage()), e);
    }
  }

  private void serve(
      ServeConfig config,
      ModelSlots slots,
      Predictor predictor,
      ModelRepository repository,
      Pipelines pipelines)
      throws InterruptedException {
    Served served = Served.of(slots, predictor, repository.with(pipelines));
    try (AgentServer server =
            AgentServer.start(
                config, modelControl.equals("none") ? served : served.withControl(repository));
        ServeOptions.Http http = options.http(config, server);
        ServeOptions.Telling telling =
            options.telling(
                server.addresses(),
                new Diagnostics(
                    slots,
                    server.service()::callStatistics,
                    model -> repository.file(model.version())),
                spec)) {
      Thread closer = new Thread(() -> stop(telling, http, server), "agent-shutdown");
      Runtime.getRuntime().addShutdownHook(closer);
      spec.commandLine()
          .getOut()
          .printf(
              "serving %d model%s on %s%s%s%n",
              slots.active().size(),
              slots.active().size() == 1 ? "" : "s",
              String.join(", ", server.places()),
              http.address(),
              telling.address());
      server.awaitClosed();
      // Only the hook closes the server; it may still wait for the last calls.
      closer.join();
    } catch (ListenException e) {
      throw new CommandException(ExitCode.FAILED, String.valueOf(e.getMessage()), e);
    }
  }

  private static void stop(
      ServeOptions.Telling telling, ServeOptions.Http http, AgentServer server) {
    telling.close();
    http.close();
    server.close();
  }

  private ParameterException misuse(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private static String label(ModelListing.Entry entry) {
    return entry.version().isEmpty() ? entry.model() : entry.model() + "@" + entry.version();
  }
}
