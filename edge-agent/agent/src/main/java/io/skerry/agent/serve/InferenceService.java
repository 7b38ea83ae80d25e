package io.skerry.agent.serve;

import io.skerry.agent.config.AgentVersion;
import io.skerry.agent.model.CallTimes;
import io.skerry.agent.model.ModelStatistics;
import io.skerry.agent.model.MustWaitException;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import io.skerry.agent.model.PredictRequest;
import io.skerry.agent.model.ServingModel;
import io.skerry.agent.serve.memory.SharedMemory;
import io.skerry.agent.serve.memory.SharedRegion;
import io.skerry.agent.trace.CallTrace;
import io.skerry.agent.trace.TraceParent;
import io.skerry.agent.trace.Tracer;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import io.skerry.runtime.TensorPool;
import io.skerry.wire.inference.LogSettingsRequest;
import io.skerry.wire.inference.LogSettingsResponse;
import io.skerry.wire.inference.ModelConfigRequest;
import io.skerry.wire.inference.ModelConfigResponse;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferResponse;
import io.skerry.wire.inference.ModelMetadataRequest;
import io.skerry.wire.inference.ModelMetadataResponse;
import io.skerry.wire.inference.ModelReadyRequest;
import io.skerry.wire.inference.ModelStatisticsRequest;
import io.skerry.wire.inference.ModelStatisticsResponse;
import io.skerry.wire.inference.RepositoryIndexRequest;
import io.skerry.wire.inference.RepositoryIndexResponse;
import io.skerry.wire.inference.RepositoryIndexResponse.ModelIndex;
import io.skerry.wire.inference.RepositoryModelLoadRequest;
import io.skerry.wire.inference.RepositoryModelUnloadRequest;
import io.skerry.wire.inference.ServerMetadataResponse;
import io.skerry.wire.inference.SystemSharedMemoryStatusResponse;
import io.skerry.wire.inference.SystemSharedMemoryStatusResponse.RegionStatus;
import io.skerry.wire.inference.TraceSettingRequest;
import io.skerry.wire.inference.TraceSettingResponse;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers the calls of the Open Inference Protocol, whatever carried them here.
 *
 * <p>Thread-safe.
 */
public final class InferenceService implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(InferenceService.class);

  private static final int LOADS_WAITING_MAX = 64;
  private static final long TENSOR_BYTES_IDLE_MAX = 16L << 20;

  private final Served served;
  private final QueueConfig bounds;
  private final Executor calls;
  private final ThreadPoolExecutor loading;
  private final ExecutorService joining;
  private final CallQueue queue;
  private final Applications applications;
  private final Optional<Tracer> tracer;
  private final RequestBudget requests;
  private final RequestBudget sentAhead;
  private final long untakenMax;
  private final TensorPool tensors = new TensorPool(TENSOR_BYTES_IDLE_MAX);

  /**
   * Makes the service.
   *
   * @param calls runs what waited, when it is its turn
   * @param tracer traces calls; closed with this
   */
  InferenceService(Served served, ServeConfig config, Executor calls, Optional<Tracer> tracer) {
    this.served = served;
    this.tracer = tracer;
    int shares = Applications.shares(config.listeners());
    this.requests = new RequestBudget(config.bounds().requestBytesMax(), shares);
    this.sentAhead = new RequestBudget(config.bounds().aheadBytesMax(), shares);
    this.untakenMax = config.bounds().answerBytesMax() / shares;
    this.bounds = config.queue().within(config.bounds().requestBytesMax()).dividedBy(shares);
    this.calls = calls;
    this.loading =
        new ThreadPoolExecutor(
            0,
            1,
            10,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(LOADS_WAITING_MAX),
            Thread.ofPlatform().name("agent-loading").factory());
    this.joining =
        Executors.newCachedThreadPool(Thread.ofPlatform().name("agent-joined-", 0).factory());
    this.queue = new CallQueue(bounds, calls, joining);
    this.applications = new Applications(config.listeners(), config.sharedMemory());
  }

  /** What all requests together may take of memory. */
  public RequestBudget requests() {
    return requests;
  }

  /** What all streams together may send ahead of their answers. */
  RequestBudget sentAhead() {
    return sentAhead;
  }

  /** Runs calls. */
  public Executor calls() {
    return calls;
  }

  /**
   * Runs what takes long, one at a time.
   *
   * @throws PredictException if too much waits
   */
  public void later(Runnable task) throws PredictException {
    try {
      loading.execute(task);
    } catch (RejectedExecutionException e) {
      throw new PredictException(
          Code.RESOURCE_EXHAUSTED,
          "%d models wait to be loaded or unloaded, and no more may".formatted(LOADS_WAITING_MAX),
          e);
    }
  }

  /** Whether everything that should be served is. */
  public boolean ready() {
    return served.listing().ready();
  }

  /** Who this is, and which extensions of the protocol it has. */
  public ServerMetadataResponse serverMetadata(Application application) {
    ServerMetadataResponse.Builder metadata =
        ServerMetadataResponse.newBuilder()
            .setName("skerry-agent")
            .setVersion(AgentVersion.current())
            .addExtensions("classification")
            .addExtensions("model_configuration")
            .addExtensions("schedule_policy")
            .addExtensions("binary_tensor_data")
            .addExtensions("parameters")
            .addExtensions("statistics");
    if (served.control().isPresent()) {
      metadata
          .addExtensions("model_repository")
          .addExtensions("model_repository(unload_dependents)");
    }
    if (tracer.isPresent()) {
      metadata.addExtensions("trace");
    }
    if (application.memory().isOn()) {
      metadata.addExtensions("system_shared_memory");
    }
    return metadata.build();
  }

  /**
   * Whether the model answers; not ready when it is unknown.
   *
   * @throws PredictException if the version is no number
   */
  public boolean modelReady(ModelReadyRequest request) throws PredictException {
    Optional<Long> version = ModelNames.version(request.getVersion());
    return ModelNames.name(request.getName())
        .flatMap(name -> served.slots().find(name, version))
        .isPresent();
  }

  /**
   * A model's tensors and versions.
   *
   * @throws PredictException if it does not answer
   */
  public ModelMetadataResponse modelMetadata(ModelMetadataRequest request) throws PredictException {
    ServingModel model = serving(request.getName(), request.getVersion());
    List<String> versions =
        served.slots().active().stream()
            .map(ServingModel::version)
            .filter(version -> version.model().equals(model.version().model()))
            .map(version -> Long.toString(version.version()))
            .distinct()
            .toList();
    return ModelDescriptions.metadata(model, versions);
  }

  /**
   * A model's configuration.
   *
   * @throws PredictException if it does not answer
   */
  public ModelConfigResponse modelConfig(ModelConfigRequest request) throws PredictException {
    return ModelConfigResponse.newBuilder()
        .setConfig(
            ModelDescriptions.config(
                serving(request.getName(), request.getVersion()), bounds.runsMax()))
        .build();
  }

  /**
   * What models did, ordered by name and version.
   *
   * @throws PredictException if the named one does not answer
   */
  public ModelStatisticsResponse statistics(ModelStatisticsRequest request)
      throws PredictException {
    if (!request.getName().isEmpty()) {
      serving(request.getName(), request.getVersion());
    }
    Optional<Long> version = ModelNames.version(request.getVersion());
    TreeMap<ModelVersion, ModelStatistics> byVersion =
        new TreeMap<>(
            Comparator.comparing((ModelVersion key) -> key.model().value())
                .thenComparing(ModelVersion::version));
    for (ServingModel model : served.slots().active()) {
      ModelVersion key = model.version();
      if ((request.getName().isEmpty() || key.model().value().equals(request.getName()))
          && (version.isEmpty() || key.version() == version.get())) {
        byVersion.merge(key, model.statistics(), ModelStatistics::plus);
      }
    }
    ModelStatisticsResponse.Builder response = ModelStatisticsResponse.newBuilder();
    byVersion.forEach((key, value) -> response.addModelStats(WireStatistics.write(key, value)));
    return response.build();
  }

  /**
   * Every model that the device has or should have.
   *
   * @throws PredictException if another repository is named
   */
  public RepositoryIndexResponse repositoryIndex(RepositoryIndexRequest request)
      throws PredictException {
    requireNoRepository(request.getRepositoryName());
    RepositoryIndexResponse.Builder index = RepositoryIndexResponse.newBuilder();
    for (ModelListing.Entry entry : served.listing().entries()) {
      if (entry.ready() || !request.getReady()) {
        index.addModels(
            ModelIndex.newBuilder()
                .setName(entry.model())
                .setVersion(entry.version())
                .setState(entry.ready() ? "READY" : "UNAVAILABLE")
                .setReason(entry.reason()));
      }
    }
    return index.build();
  }

  /**
   * Loads a model; this may take long.
   *
   * @return its name
   * @throws PredictException if clients may not, or it cannot be loaded
   */
  public String load(RepositoryModelLoadRequest request) throws PredictException {
    String name = repositoryModel(request.getRepositoryName(), request.getModelName());
    ModelControl control = control();
    ModelName model = known("load", name);
    control.load(model, ConfigOverride.read(name, request.getParametersMap(), bounds.runsMax()));
    return name;
  }

  /**
   * Unloads a model. Parameter {@code unload_dependents} is accepted and changes nothing: a model
   * has no parts of its own, and a pipeline is no model that clients load.
   *
   * @return its name
   * @throws PredictException if clients may not, or it is not known
   */
  public String unload(RepositoryModelUnloadRequest request) throws PredictException {
    String name = repositoryModel(request.getRepositoryName(), request.getModelName());
    ModelControl control = control();
    for (String parameter : request.getParametersMap().keySet()) {
      if (!parameter.equals("unload_dependents")) {
        throw new PredictException(
            Code.INVALID_ARGUMENT,
            "unload parameter '%s' is not known here".formatted(Texts.shortened(parameter)));
      }
    }
    control.unload(known("unload", name));
    return name;
  }

  /** The applications that its callers are told apart as. */
  public Applications applications() {
    return applications;
  }

  /**
   * The application's regions of this name; all that it has when it is empty.
   *
   * @throws PredictException if it has none of this name
   */
  public SystemSharedMemoryStatusResponse memoryStatus(Application application, String name)
      throws PredictException {
    SharedMemory memory = application.memory();
    SystemSharedMemoryStatusResponse.Builder response =
        SystemSharedMemoryStatusResponse.newBuilder();
    for (SharedRegion region : name.isEmpty() ? memory.regions() : List.of(memory.region(name))) {
      response.putRegions(
          region.name(),
          RegionStatus.newBuilder()
              .setName(region.name())
              .setKey(region.key())
              .setOffset(region.offset())
              .setByteSize(region.bytes())
              .build());
    }
    return response.build();
  }

  /** Unmaps the application's region of this name, if it has one; all when it is empty. */
  public void unregisterMemory(Application application, String name) {
    SharedMemory memory = application.memory();
    if (name.isEmpty()) {
      memory.unregisterAll();
    } else {
      memory.unregister(name);
    }
  }

  /** Why memory of a graphics card cannot be registered. */
  public PredictException cudaRefusal(String name) {
    return new PredictException(
        Code.UNIMPLEMENTED,
        "failed to register CUDA shared memory region: '%s', not supported by this agent"
            .formatted(Texts.shortened(name)));
  }

  /**
   * How calls are traced.
   *
   * @throws PredictException if the request wants it otherwise
   */
  public TraceSettingResponse traceSetting(TraceSettingRequest request) throws PredictException {
    return Settings.trace(request, tracer.map(Tracer::config));
  }

  /**
   * What is logged.
   *
   * @throws PredictException if the request wants it otherwise
   */
  public LogSettingsResponse logSettings(LogSettingsRequest request) throws PredictException {
    return Settings.log(request);
  }

  /**
   * Predicts: at once while there is a free place, on this thread when the model is known to be
   * quick with so much input; else later. A client that goes, and one whose time is up, leaves the
   * queue.
   */
  public void infer(ModelInferRequest request, InferCall call) {
    long received = System.nanoTime();
    try {
      InferParameters parameters = InferParameters.read(request.getParametersMap());
      ServingModel model = serving(request.getModelName(), request.getModelVersion());
      Inference work = new Inference(request, call, model, parameters.key(), received);
      CallQueue.Waiting place =
          queue.submit(
              work,
              parameters.priority(),
              parameters.timeoutNanos(),
              served
                  .slots()
                  .isShort(
                      model,
                      ModelNames.version(request.getModelVersion()),
                      parameters.key(),
                      work.inputBytes));
      if (place != null) {
        call.onCancel(() -> place.leave(InferenceService::gone));
      }
    } catch (PredictException e) {
      CallEnds.refuse(call, request.getModelName(), e);
    } catch (RuntimeException | Error e) {
      CallEnds.refuse(call, request.getModelName(), broke(e));
    }
  }

  /**
   * Begins to trace a call, if calls are traced here and this one is chosen.
   *
   * @param parent where its caller stands in a trace; asked only where calls are traced
   * @param method what was called
   */
  public @Nullable CallTrace trace(
      Supplier<Optional<TraceParent>> parent, String method, Application application) {
    return tracer.isEmpty() ? null : tracer.get().begin(parent.get(), method, application.name());
  }

  /** What a client is told of a mistake of ours. */
  public static PredictException broke(Throwable e) {
    log.atError().setCause(e).log("call failed");
    return new PredictException(Code.INTERNAL, "the agent failed; see its log", e);
  }

  /** What became of calls. */
  public CallStatistics callStatistics() {
    return new CallStatistics(
        queue.waiting(), applications.statistics(queue::waiting), tracer.map(Tracer::statistics));
  }

  @Override
  public void close() {
    queue.close();
    loading.shutdown();
    joining.shutdown();
    applications.close();
    tracer.ifPresent(Tracer::close);
  }

  private final class Inference implements CallQueue.Work {
    private final ModelInferRequest request;
    private final InferCall call;
    private final ServingModel model;
    private final String key;
    private final long received;
    private final long inputBytes;
    // Which version answers, once that is known: one on trial perhaps.
    private @Nullable ServingModel chosen;
    private boolean answering;

    Inference(
        ModelInferRequest request, InferCall call, ServingModel model, String key, long received) {
      this.request = request;
      this.call = call;
      this.model = model;
      this.key = key;
      this.received = received;
      this.inputBytes = WireInputs.bytes(request);
    }

    @Override
    public long bytes() {
      return request.getSerializedSize();
    }

    @Override
    public String application() {
      return call.application().account();
    }

    @Override
    public boolean joins() {
      return model.joinsCalls();
    }

    @Override
    public void run() {
      run(true);
    }

    @Override
    public boolean runHere() {
      return run(false);
    }

    /** Whether it is over: not, when it would have to wait and may not. */
    private boolean run(boolean mayWait) {
      if (call.isCancelled()) {
        refuse(gone());
        return true;
      }
      if (call.application().untaken() >= untakenMax) {
        refuse(
            new PredictException(
                Code.RESOURCE_EXHAUSTED,
                "no room for one more answer now: %d bytes of answers wait for this application to take them"
                    .formatted(call.application().untaken())));
        return true;
      }
      long began = System.nanoTime();
      try (RunScope scope = tensors.open()) {
        if (!mayWait) {
          scope.mayNotWait();
        }
        call.onCancel(scope::stop);
        predict(scope);
        (chosen == null ? model : chosen).pace().took(System.nanoTime() - began, inputBytes);
      } catch (MustWaitException e) {
        return false;
      } catch (PredictException e) {
        CallEnds.refuse(call, request.getModelName(), e);
      } catch (OutOfMemoryError e) {
        log.atWarn().addKeyValue("model", model.version()).log("no memory for a prediction");
        PredictException why =
            new PredictException(
                Code.RESOURCE_EXHAUSTED,
                "not enough memory for this request to model '%s' now"
                    .formatted(model.version().model()),
                e);
        if (answering) {
          // It is counted as answered.
          CallEnds.refuse(call, request.getModelName(), why);
        } else {
          refuse(why);
        }
      } catch (RuntimeException | Error e) {
        CallEnds.refuse(call, request.getModelName(), broke(e));
      }
      return true;
    }

    private void predict(RunScope scope) throws PredictException {
      long started = System.nanoTime();
      CallTrace trace = call.trace();
      if (trace != null) {
        trace.started();
      }
      SharedMemory memory = call.application().memory();
      List<RequestedOutput> outputs = RequestedOutput.read(request, model.signature(), memory);
      boolean typed = WireInputs.isTyped(request);
      List<Tensor> inputs = WireInputs.read(request, memory, scope);
      PredictRequest wanted =
          new PredictRequest(
              model.version().model(),
              ModelNames.version(request.getModelVersion()),
              request.getId(),
              inputs,
              key,
              new CallTimes(received, started));
      served
          .predictor()
          .predict(
              wanted,
              scope,
              trace == null
                  ? (prediction, answering) -> {
                    chosen = answering;
                    return WireOutputs.write(prediction, answering, outputs, typed);
                  }
                  : (prediction, answering) -> {
                    chosen = answering;
                    trace.ran(prediction.nanos(), prediction.waitedNanos());
                    ModelInferResponse response =
                        WireOutputs.write(prediction, answering, outputs, typed);
                    trace.encoded();
                    return response;
                  },
              response -> {
                answering = true;
                CallEnds.answer(call, response);
              });
    }

    @Override
    public void refuse(PredictException why) {
      long nanos = System.nanoTime() - received;
      if (why.code() == Code.CANCELLED) {
        model.countCancelled(nanos);
      } else {
        model.countRejected(nanos);
      }
      CallEnds.refuse(call, request.getModelName(), why);
    }
  }

  private ServingModel serving(String name, String version) throws PredictException {
    return ModelNames.serving(served.slots(), served.listing(), name, version);
  }

  private ModelControl control() throws PredictException {
    return served
        .control()
        .orElseThrow(
            () ->
                new PredictException(
                    Code.UNAVAILABLE,
                    "explicit model load / unload is not allowed: who runs this agent decides what"
                        + " it serves"));
  }

  // KServe's request has the model's name where Triton's has the repository's.
  private static String repositoryModel(String repository, String model) throws PredictException {
    if (model.isEmpty()) {
      return repository;
    }
    requireNoRepository(repository);
    return model;
  }

  private static ModelName known(String action, String name) throws PredictException {
    return ModelNames.name(name)
        .orElseThrow(
            () ->
                new PredictException(
                    Code.NOT_FOUND,
                    "failed to %s '%s', no such model in the repository"
                        .formatted(action, Texts.shortened(name))));
  }

  private static void requireNoRepository(String repository) throws PredictException {
    if (!repository.isEmpty()) {
      throw new PredictException(
          Code.UNIMPLEMENTED, "'repository_name' specification is not supported");
    }
  }

  private static PredictException gone() {
    return new PredictException(Code.CANCELLED, "the client has gone");
  }
}
