"""A program that was written for MATLAB Production Server; only its address is another."""

import sys

import matlab
from matlab.production_server.mpsexceptions import MATLABException
from production_server import client

url = sys.argv[1]
with client.MWHttpClient(url) as production:
    square, sums = production.mymagic.mymagic(3.0, nargout=2)
    print(square)
    print(sums)
    try:
        production.mymagic.mymagic("three", 3.0)
    except MATLABException as error:
        print(error.ml_error_identifier, "-", error.ml_error_message)
    print(production.linear.norm(matlab.double([3, 4])))
