package io.skerry.agent.serve;

import io.grpc.stub.StreamObserver;
import io.skerry.wire.inference.CudaSharedMemoryRegisterRequest;
import io.skerry.wire.inference.CudaSharedMemoryRegisterResponse;
import io.skerry.wire.inference.CudaSharedMemoryStatusRequest;
import io.skerry.wire.inference.CudaSharedMemoryStatusResponse;
import io.skerry.wire.inference.CudaSharedMemoryUnregisterRequest;
import io.skerry.wire.inference.CudaSharedMemoryUnregisterResponse;
import io.skerry.wire.inference.SystemSharedMemoryRegisterRequest;
import io.skerry.wire.inference.SystemSharedMemoryRegisterResponse;
import io.skerry.wire.inference.SystemSharedMemoryStatusRequest;
import io.skerry.wire.inference.SystemSharedMemoryStatusResponse;
import io.skerry.wire.inference.SystemSharedMemoryUnregisterRequest;
import io.skerry.wire.inference.SystemSharedMemoryUnregisterResponse;
import java.util.function.Supplier;

/** The GRPCInferenceService with its shared memory. */
final class MemoryEndpoint extends InferenceEndpoint {
  MemoryEndpoint(InferenceService service, Supplier<Application> caller) {
    super(service, caller);
  }

  @Override
  public void systemSharedMemoryStatus(
      SystemSharedMemoryStatusRequest request,
      StreamObserver<SystemSharedMemoryStatusResponse> observer) {
    answer(observer, () -> service().memoryStatus(caller(), request.getName()));
  }

  @Override
  public void systemSharedMemoryRegister(
      SystemSharedMemoryRegisterRequest request,
      StreamObserver<SystemSharedMemoryRegisterResponse> observer) {
    answer(
        observer,
        () -> {
          caller()
              .memory()
              .register(
                  request.getName(), request.getKey(), request.getOffset(), request.getByteSize());
          return SystemSharedMemoryRegisterResponse.getDefaultInstance();
        });
  }

  @Override
  public void systemSharedMemoryUnregister(
      SystemSharedMemoryUnregisterRequest request,
      StreamObserver<SystemSharedMemoryUnregisterResponse> observer) {
    answer(
        observer,
        () -> {
          service().unregisterMemory(caller(), request.getName());
          return SystemSharedMemoryUnregisterResponse.getDefaultInstance();
        });
  }

  @Override
  public void cudaSharedMemoryStatus(
      CudaSharedMemoryStatusRequest request,
      StreamObserver<CudaSharedMemoryStatusResponse> observer) {
    answer(observer, CudaSharedMemoryStatusResponse::getDefaultInstance);
  }

  @Override
  public void cudaSharedMemoryRegister(
      CudaSharedMemoryRegisterRequest request,
      StreamObserver<CudaSharedMemoryRegisterResponse> observer) {
    answer(
        observer,
        () -> {
          throw service().cudaRefusal(request.getName());
        });
  }

  @Override
  public void cudaSharedMemoryUnregister(
      CudaSharedMemoryUnregisterRequest request,
      StreamObserver<CudaSharedMemoryUnregisterResponse> observer) {
    answer(observer, CudaSharedMemoryUnregisterResponse::getDefaultInstance);
  }
}
