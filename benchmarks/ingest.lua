-- Visits of many phones, for wrk: each with a session id of its own.
-- The first argument is the file with the contents' ids, the second a number unlike any other run's.
local agents = {
  "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Mobile Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_%d like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:%d.0) Gecko/20100101 Firefox/127.0",
}
local threads, number = 0, 0
local contents = {}

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

function init(arguments)
  for line in io.lines(arguments[1]) do contents[#contents + 1] = line end
  run = tonumber(arguments[2])
  math.randomseed(run * 64 + id)
end

function request()
  number = number + 1
  local agent = string.format(agents[number % #agents + 1], number % 40 + 90)
  local body = string.format(
    '{"session_id":"%08x-%04x-4000-8000-%012x","ar_content_unique_id":"%s","user_agent":"%s"}',
    run, id, number, contents[math.random(#contents)], agent)
  local address = string.format("%d.%d.%d.7", math.random(11, 99), math.random(0, 255), math.random(0, 255))
  return wrk.format("POST", nil, {
    ["Content-Type"] = "application/json",
    ["User-Agent"] = agent,
    ["X-Forwarded-For"] = address,
  }, body)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%f,"p50":%f,"p95":%f,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(95) / 1000,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
