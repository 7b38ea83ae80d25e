"""Triton's own clients, unchanged, through every call of the protocol.

Arguments: the gRPC address, the HTTP address, the prefix of shared memory keys.
"""

import queue
import sys
import uuid

import ml_dtypes
import numpy as np
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
import tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException

GRPC, HTTP, PREFIX = sys.argv[1:4]


def refused(text, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except InferenceServerException as e:
        assert text in str(e), str(e)
        return
    raise AssertionError("not refused: " + text)


def tensor(module, name, values, datatype):
    given = module.InferInput(name, list(values.shape), datatype)
    given.set_data_from_numpy(values)
    return given


def checks(module, client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("Scale")
    assert client.is_model_ready("Scale", "1")
    assert not client.is_model_ready("none")
    json = {} if module is httpclient else {"as_json": True}
    metadata = client.get_server_metadata(**json)
    assert metadata["name"] == "skerry-agent"
    for extension in ("classification", "statistics", "model_repository", "system_shared_memory"):
        assert extension in metadata["extensions"], metadata
    model = client.get_model_metadata("Scale", **json)
    assert model["platform"] == "onnxruntime_onnx" and model["inputs"][0]["datatype"] == "FP32"
    config = client.get_model_config("Scale", **json)
    config = config.get("config", config)
    assert config["max_batch_size"] > 0 and config["input"][0]["name"] == "input"
    index = client.get_model_repository_index(**json)
    index = index.get("models", index) if isinstance(index, dict) else index
    assert {"Scale", "strings"} <= {entry["name"] for entry in index}, index


def predictions(module, client):
    values = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)
    result = client.infer("Scale", [tensor(module, "input", values, "FP32")], request_id="mine")
    assert np.array_equal(result.as_numpy("output"), values * 2)
    answer = result.get_response()
    assert (answer["id"] if module is httpclient else answer.id) == "mine"

    result = client.infer(
        "Scale",
        [tensor(module, "input", values, "FP32")],
        model_version="1",
        outputs=[module.InferRequestedOutput("output", class_count=2)],
        priority=1,
        timeout=1_000_000,
        sequence_id=7,
        sequence_start=True,
        sequence_end=True,
        parameters={"skerry_key": "user", "half": 0.5, "flag": True, "number": 3},
    )
    classes = result.as_numpy("output")
    assert classes.shape == (2, 2), classes
    assert classes[0][0] == b"6.000000:2:three", classes

    text = np.array([["grüße".encode(), b"", b"x"]], dtype=np.object_)
    result = client.infer("strings", [tensor(module, "input", text, "BYTES")])
    assert np.array_equal(result.as_numpy("output"), text), result.as_numpy("output")

    for name, datatype, dtype in (
        ("half", "FP16", np.float16),
        ("int8", "INT8", np.int8),
        ("int64", "INT64", np.int64),
        ("bool", "BOOL", np.bool_),
        ("double", "FP64", np.float64),
    ):
        values = np.array([[1, 0, 1]]).astype(dtype)
        result = client.infer(name, [tensor(module, "input", values, datatype)])
        assert np.array_equal(result.as_numpy("output"), values), name
    values = np.array([[1, 0.5, -2]], dtype=ml_dtypes.bfloat16)
    result = client.infer("bfloat", [tensor(module, "input", values, "BF16")])
    assert np.array_equal(result.as_numpy("output"), values)

    refused(
        "Request for unknown model",
        client.infer,
        "none",
        [tensor(module, "input", np.ones((1, 3), dtype=np.float32), "FP32")],
    )
    refused(
        "unexpected shape for input 'input'",
        client.infer,
        "Scale",
        [tensor(module, "input", np.ones((1, 2), dtype=np.float32), "FP32")],
    )


def compression(module, client, keyword):
    values = np.ones((50, 3), dtype=np.float32)
    for algorithm in ("gzip", "deflate"):
        options = {keyword: algorithm}
        if module is httpclient:
            options["response_compression_algorithm"] = algorithm
        result = client.infer("Scale", [tensor(module, "input", values, "FP32")], **options)
        assert np.array_equal(result.as_numpy("output"), values * 2), algorithm


def shared_memory(module, client):
    client.unregister_system_shared_memory()
    client.unregister_cuda_shared_memory()
    name = "region-" + uuid.uuid4().hex
    key = "/" + PREFIX + uuid.uuid4().hex
    values = np.array([[1, 2, 3]], dtype=np.float32)
    handle = shm.create_shared_memory_region(name, key, 2 * values.nbytes)
    try:
        shm.set_shared_memory_region(handle, [values])
        client.register_system_shared_memory(name, key, 2 * values.nbytes)
        refused(
            "already in manager", client.register_system_shared_memory, name, key, values.nbytes
        )
        status = client.get_system_shared_memory_status()
        assert name in str(status), status
        given = module.InferInput("input", [1, 3], "FP32")
        given.set_shared_memory(name, values.nbytes)
        wanted = module.InferRequestedOutput("output")
        wanted.set_shared_memory(name, values.nbytes, offset=values.nbytes)
        client.infer("Scale", [given], outputs=[wanted])
        answer = shm.get_contents_as_numpy(handle, np.float32, [1, 3], offset=values.nbytes)
        assert np.array_equal(answer, values * 2), answer
        refused(
            "key",
            client.register_system_shared_memory,
            "other",
            "/not-" + PREFIX,
            values.nbytes,
        )
        client.unregister_system_shared_memory(name)
        refused("Unable to find shared memory region", client.infer, "Scale", [given])
    finally:
        shm.destroy_shared_memory_region(handle)
    refused("CUDA", client.register_cuda_shared_memory, "cuda", b"AAAA", 0, 16)
    client.get_cuda_shared_memory_status()


def administration(module, client):
    client.unload_model("Scale")
    assert not client.is_model_ready("Scale")
    assert client.is_server_ready()
    client.load_model("Scale", config='{"max_batch_size": "8"}')
    json = {} if module is httpclient else {"as_json": True}
    config = client.get_model_config("Scale", **json)
    assert config.get("config", config)["max_batch_size"] == 8
    client.load_model("Scale")
    assert client.is_model_ready("Scale")
    refused("failed to load", client.load_model, "none")
    refused("file", client.load_model, "Scale", config="{}", files={"file:1/model.onnx": b"x"})
    assert client.get_trace_settings()
    refused("trace", client.update_trace_settings, settings={"trace_level": ["TIMESTAMPS"]})
    assert client.get_log_settings()
    refused("log", client.update_log_settings, settings={"log_verbose_level": 7})
    values = np.ones((1, 3), dtype=np.float32)
    client.infer("Scale", [tensor(module, "input", values, "FP32")])
    statistics = client.get_inference_statistics("Scale", **json)["model_stats"][0]
    assert int(statistics["inference_count"]) == 1, statistics
    assert int(statistics["inference_stats"]["success"]["count"]) == 1, statistics
    assert client.get_inference_statistics()


def asynchronous(client):
    values = np.array([[1, 2, 3]], dtype=np.float32)
    answers = queue.Queue()
    client.async_infer(
        "Scale",
        [tensor(grpcclient, "input", values, "FP32")],
        callback=lambda result, error: answers.put((result, error)),
    )
    result, error = answers.get(timeout=20)
    assert error is None and np.array_equal(result.as_numpy("output"), values * 2)

    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for number in range(20):
        client.async_stream_infer(
            "Scale",
            [tensor(grpcclient, "input", values * number, "FP32")],
            request_id=str(number),
            sequence_id="stream",
            sequence_start=number == 0,
            sequence_end=number == 19,
            enable_empty_final_response=True,
        )
    client.async_stream_infer("none", [tensor(grpcclient, "input", values, "FP32")])
    for number in range(20):
        result, error = answers.get(timeout=20)
        assert error is None, error
        assert result.get_response().id == str(number)
        assert result.get_response().parameters["triton_final_response"].bool_param
        assert np.array_equal(result.as_numpy("output"), values * number * 2)
    result, error = answers.get(timeout=20)
    assert "Request for unknown model" in str(error), error
    client.stop_stream()


with grpcclient.InferenceServerClient(GRPC) as grpc, httpclient.InferenceServerClient(HTTP) as http:
    for module, client in ((grpcclient, grpc), (httpclient, http)):
        checks(module, client)
        predictions(module, client)
        shared_memory(module, client)
        administration(module, client)
    compression(grpcclient, grpc, "compression_algorithm")
    compression(httpclient, http, "request_compression_algorithm")
    asynchronous(grpc)
    values = np.array([[1, 2, 3]], dtype=np.float32)
    given = httpclient.InferInput("input", [1, 3], "FP32")
    given.set_data_from_numpy(values, binary_data=False)
    result = http.infer(
        "Scale",
        [given],
        outputs=[httpclient.InferRequestedOutput("output", binary_data=False)],
    )
    assert np.array_equal(result.as_numpy("output"), values * 2)
print("done")
