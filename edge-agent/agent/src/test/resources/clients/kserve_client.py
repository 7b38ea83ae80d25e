"""Plain stubs in KServe's dialect, generated here and now.

Arguments: the gRPC address, the folder of kserve.proto, a folder for what is generated.
"""

import sys

import grpc
from grpc_tools import protoc

ADDRESS, SOURCE, GENERATED = sys.argv[1:4]
assert (
    protoc.main(
        [
            "protoc",
            "-I" + SOURCE,
            "--python_out=" + GENERATED,
            "--grpc_python_out=" + GENERATED,
            "kserve.proto",
        ]
    )
    == 0
)
sys.path.insert(0, GENERATED)
import kserve_pb2 as messages
import kserve_pb2_grpc as stubs

with grpc.insecure_channel(ADDRESS) as channel:
    stub = stubs.GRPCInferenceServiceStub(channel)
    assert stub.ServerLive(messages.Empty()).live
    unloaded = stub.RepositoryModelUnload(messages.RepositoryModelUnloadRequest(model_name="Scale"))
    assert unloaded.model_name == "Scale" and unloaded.isUnloaded
    loaded = stub.RepositoryModelLoad(messages.RepositoryModelLoadRequest(model_name="Scale"))
    assert loaded.model_name == "Scale" and loaded.isLoaded
    request = messages.ModelInferRequest(model_name="Scale", id="mine")
    given = request.inputs.add(name="input", datatype="FP32", shape=[1, 3])
    given.contents.fp32_contents.extend([1, 2, 3])
    answer = stub.ModelInfer(request)
    assert answer.id == "mine"
    assert list(answer.outputs[0].contents.fp32_contents) == [2, 4, 6], answer
    try:
        stub.ModelInfer(messages.ModelInferRequest(model_name="none"))
        raise AssertionError("not refused")
    except grpc.RpcError as e:
        assert e.code() == grpc.StatusCode.NOT_FOUND, e
print("done")
